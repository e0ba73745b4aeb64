//! The configuration file: where it is, what it may say, and what of it every command needs.

use super::{Common, Failure, owner};
use crate::{
    base::secret::Secret,
    execution::{mail, transport::sandbox},
};
use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// Where the service has it (packaging/bulkhead.service).
const SERVICE: &str = "/etc/bulkhead/bulkhead.toml";

/// What the configuration file may say. The command line and the environment go before it.
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    pub(super) listen: Option<std::net::SocketAddr>,
    pub(super) data: Option<PathBuf>,
    pub(super) public_url: Option<String>,
    pub(super) log: Option<String>,
    pub(super) worker_sandbox: Option<sandbox::Weakest>,
    pub(super) worker_network: Option<sandbox::Network>,
    pub(super) worker_powershell: Option<PathBuf>,
    pub(super) allow_unsandboxed: Option<bool>,
    pub(super) mail: Option<Mail>,
    #[serde(default)]
    pub(super) trusted_proxies: Vec<ipnet::IpNet>,
    pub(super) proxy_secret_file: Option<PathBuf>,
    pub(super) syslog: Option<String>,
    pub(super) reserve: Option<String>,
    #[serde(default)]
    pub(super) allow_internal: Vec<ipnet::IpNet>,
}

/// The section `[mail]` of the configuration file.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Mail {
    pub(super) host: String,
    pub(super) port: Option<u16>,
    #[serde(default)]
    pub(super) tls: mail::Encryption,
    pub(super) user: Option<String>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) from: String,
    pub(super) ca_file: Option<PathBuf>,
    /// Seconds that the mail server has for its answer to a letter.
    pub(super) timeout: Option<u64>,
}

/// Reads the file that is named, or that of the service where the data folder is the one it is about. A demo never takes
/// the service's.
pub(super) fn read(common: &Common, demo: bool) -> Result<Config, Failure> {
    if let Some(path) = &common.config {
        let text = std::fs::read_to_string(path)
            .map_err(|cause| Failure::Failed(format!("{} cannot be read: {cause}.", path.display())))?;
        return parse(path, &text);
    }
    let (path, named) = (Path::new(SERVICE), common.data.as_deref());
    let text = match std::fs::read_to_string(path) {
        _ if demo => return Ok(Config::default()),
        Ok(text) => text,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(Config::default()),
        // Of another data folder than the service's it says nothing.
        Err(_) if named.is_some_and(|named| !is_same(named, Path::new(owner::SYSTEM))) => return Ok(Config::default()),
        Err(cause) => {
            return Err(Failure::Refused(format!(
                "{SERVICE} cannot be read: {cause}. Run this as root or as the user of the service, or name another file with --config FILE."
            )));
        }
    };
    let config = parse(path, &text);
    let Some(named) = named else { return config };
    let about = config.as_ref().ok().and_then(|config| config.data.clone());
    if is_same(named, &about.unwrap_or_else(|| owner::SYSTEM.into())) { config } else { Ok(Config::default()) }
}

fn parse(path: &Path, text: &str) -> Result<Config, Failure> {
    toml::from_str(text).map_err(|cause| Failure::Misused(format!("{}: {cause}", path.display())))
}

/// Whether two paths are one folder.
fn is_same(one: &Path, other: &Path) -> bool {
    let whole = |path: &Path| std::fs::canonicalize(path).or_else(|_| std::path::absolute(path)).ok();
    whole(one).is_some_and(|path| whole(other) == Some(path))
}

/// The address people use: from the environment, else from the file.
///
/// # Errors
/// `Misused` for one that is none.
pub(super) fn public_url(config: &Config) -> Result<Option<String>, Failure> {
    let typed = std::env::var("BULKHEAD_PUBLIC_URL").ok().filter(|text| !text.is_empty());
    let (named, text) = match (&typed, &config.public_url) {
        (Some(text), _) => ("BULKHEAD_PUBLIC_URL", text),
        (None, Some(text)) => ("The configuration: public-url", text),
        (None, None) => return Ok(None),
    };
    as_public_url(text).map(Some).map_err(|sentence| Failure::Misused(format!("{named}: {sentence}")))
}

/// The address people use, as everything else compares it: `http(s)://host[:port]`, in lower case, without the port that
/// goes without saying.
pub(super) fn as_public_url(text: &str) -> Result<String, String> {
    let wrong = |what: &str| {
        Err(format!(
            "{what} Give the address that people use, such as https://deploy.example.com or http://10.0.0.5:8080."
        ))
    };
    let lower = text.trim().to_ascii_lowercase();
    if !lower.starts_with("http://") && !lower.starts_with("https://") {
        return wrong("It does not begin with http:// or https://.");
    }
    // What browsers would put right silently, or worse.
    if lower.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return wrong("There is a space, a backslash or a control character in it.");
    }
    let Ok(url) = url::Url::parse(&lower) else { return wrong("It is no address.") };
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("It cannot carry a name or a password.");
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return wrong("It cannot carry a path, a query or a fragment: the server stands at the root of its address.");
    }
    if url.port() == Some(0) {
        return wrong("There is no port 0.");
    }
    Ok(url.origin().ascii_serialization())
}

/// A secret that stands in a file, without the line's end.
pub(super) fn read_secret(path: &Path) -> Result<Secret, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|cause| Failure::Failed(format!("{} cannot be read: {cause}.", path.display())))?;
    Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Findings F7.
    #[test]
    fn the_public_address_is_one_of_a_web_server_and_nothing_more() {
        for (typed, kept) in [
            ("https://deploy.example.com", "https://deploy.example.com"),
            ("HTTPS://Deploy.Example.COM/", "https://deploy.example.com"),
            ("https://deploy.example.com:443", "https://deploy.example.com"),
            ("http://10.0.0.5:8080", "http://10.0.0.5:8080"),
            ("http://[::1]:8080/", "http://[::1]:8080"),
            (" https://bücher.example ", "https://xn--bcher-kva.example"),
        ] {
            assert_eq!(as_public_url(typed).as_deref(), Ok(kept), "{typed}");
        }
        for typed in [
            "",
            "not a url",
            "deploy.example.com",
            "ftp://x",
            "https:deploy.example.com",
            "https://",
            "https://x/y",
            "https://x?y",
            "https://x/#y",
            "https://ada@x",
            "https://ada:secret@x",
            "https://x:0",
            "https://x:99999",
            "https://x y",
            "https:\\\\x",
            "https://x\\y",
            "javascript://x",
        ] {
            let sentence = as_public_url(typed).expect_err(typed);
            assert!(sentence.contains("such as https://"), "{typed}: {sentence}");
        }
    }
}
