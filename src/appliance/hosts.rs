//! The host names that lead to one company: what a browser or a client asks for under such a name is that company's, before
//! anything in the path is looked at. They are told apart by the browser like any two sites.
//!
//! They stand in `<data>/hosts.json`, since they belong to the machine and not to a company: a company that is restored
//! elsewhere does not bring them along.

use super::{files, registry::Appliance};
use crate::{
    base::error::{Error, Result},
    company::{
        access::{
            Event, Steward,
            permissions::{CompanyRename, FileKeep},
        },
        standing,
    },
};
use std::{
    collections::BTreeMap,
    fs, io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

/// So many host names can lead to one company.
const MOST: usize = 20;
/// The file is looked at again after so long: a command can have changed it while the server runs.
const LOOK: Duration = Duration::from_secs(1);

/// Host name → slug, in lower case and without a port.
type Names = BTreeMap<String, String>;

/// What stands in the file, and when it was looked at.
pub(super) struct Hosts {
    file: PathBuf,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    names: Arc<Names>,
    as_of: Option<(SystemTime, u64)>,
    looked: Option<Instant>,
}

impl Hosts {
    pub fn new(data: &std::path::Path) -> Hosts {
        Hosts { file: data.join("hosts.json"), held: Mutex::default() }
    }

    fn read(&self) -> Result<Names> {
        let bytes = match fs::read(&self.file) {
            Ok(bytes) => bytes,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Names::new()),
            Err(cause) => return Err(Error::from(cause).at(&self.file)),
        };
        serde_json::from_slice(&bytes)
            .map_err(|cause| Error::Conflict(format!("{} cannot be read: {cause}.", self.file.display())))
    }

    /// The names as they were read within the last second. A file that cannot be read leaves those that were known.
    fn known(&self) -> Arc<Names> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.looked.is_some_and(|at| at.elapsed() < LOOK) {
            return held.names.clone();
        }
        held.looked = Some(Instant::now());
        let about = fs::metadata(&self.file).ok();
        let as_of = about.and_then(|about| Some((about.modified().ok()?, about.len())));
        if held.as_of != as_of {
            match self.read() {
                Ok(names) => held.names = Arc::new(names),
                Err(error) => tracing::error!(%error, "the host names of companies could not be read"),
            }
            held.as_of = as_of;
        }
        held.names.clone()
    }

    fn write(&self, names: &Names) -> Result<()> {
        files::write_private(&self.file, serde_json::to_string_pretty(names)?.as_bytes())?;
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Held::default();
        Ok(())
    }
}

/// A host name as browsers send it: in lower case, without a port, with the dot at its end left out.
fn folded(host: &str) -> String {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// A name that was typed, as it is kept: letters of other alphabets in the spelling that is sent.
fn checked(typed: &str) -> Result<String> {
    let refuse = |why: &str| Error::invalid("Hosts", format!("“{typed}” {why}"));
    match url::Host::parse(typed.trim()) {
        Ok(url::Host::Domain(name)) => {
            let name = folded(&name);
            let label = |label: &str| !label.is_empty() && label.len() <= 63;
            match name.len() <= 253 && name.split('.').all(label) && !name.contains('_') {
                true => Ok(name),
                false => Err(refuse("is not a host name. Give one such as deploy.example.com.")),
            }
        }
        Ok(_) => Err(refuse("is an address. Give a host name such as deploy.example.com.")),
        Err(_) => {
            Err(refuse("is not a host name. Give one such as deploy.example.com, without https:// and without a port."))
        }
    }
}

impl Appliance {
    /// The company that a `Host` header names, if it is a company's own.
    pub fn company_of_host(&self, host: &str) -> Option<String> {
        let names = self.hosts().known();
        if names.is_empty() {
            return None;
        }
        names.get(&folded(host)).cloned()
    }

    /// The host names of a company, in order.
    pub fn hosts_of(&self, slug: &str) -> Vec<String> {
        let names = self.hosts().known();
        names.iter().filter(|(_, of)| *of == slug).map(|(name, _)| name.clone()).collect()
    }

    /// Where people find a company that has a host name of its own: the first of them, by the scheme and the port of the
    /// server's address.
    pub fn own_address(&self, server: &str, slug: &str) -> Option<String> {
        let host = self.hosts_of(slug).into_iter().next()?;
        let mut url = url::Url::parse(server).ok()?;
        url.set_host(Some(&host)).ok()?;
        Some(url.as_str().trim_end_matches('/').to_owned())
    }

    /// Sets the host names that lead to a company; none takes them away. Gives them as they are kept. `public` is this
    /// server's own address, whose host is nobody's own.
    ///
    /// # Errors
    /// `Invalid` on `Hosts` for what is no host name; `Conflict` for one that leads to another company or to the server.
    pub fn set_hosts(
        &self,
        by: &Steward<'_, CompanyRename>,
        slug: &str,
        typed: &[String],
        public: Option<&str>,
    ) -> Result<Vec<String>> {
        if typed.len() > MOST {
            return Err(Error::invalid("Hosts", format!("Give at most {MOST} host names.")));
        }
        let mut wanted = typed.iter().map(|typed| checked(typed)).collect::<Result<Vec<_>>>()?;
        wanted.sort();
        wanted.dedup();
        let company = self.company(slug)?;
        if company.is_operators() && !wanted.is_empty() {
            return Err(Error::Conflict("The operator's own compartment has no host name of its own.".into()));
        }
        let of_server = public.and_then(|url| url::Url::parse(url).ok()).and_then(|url| url.host_str().map(folded));
        if let Some(name) = wanted.iter().find(|name| of_server.as_ref() == Some(name)) {
            return Err(Error::Conflict(format!("“{name}” is this server's own address, for all companies.")));
        }
        let _alone = self.alone()?;
        let mut names = self.hosts().read()?;
        if let Some((name, of)) = wanted.iter().find_map(|name| names.get_key_value(name).filter(|(_, of)| *of != slug))
        {
            return Err(Error::Conflict(format!(
                "“{name}” leads to the company {of} already. Take it away there first."
            )));
        }
        let before: Vec<String> = names.iter().filter(|(_, of)| *of == slug).map(|(name, _)| name.clone()).collect();
        if before == wanted {
            return Ok(wanted);
        }
        names.retain(|_, of| of != slug);
        names.extend(wanted.iter().map(|name| (name.clone(), slug.to_owned())));
        // First the word, then the deed: a crash in between leaves a word too many and no name that nobody told of.
        standing::tell_hosts(&by.at(&company).ask(FileKeep {})?, &before, &wanted)?;
        self.hosts().write(&names)?;
        let event =
            Event::new("CompanyHostsChanged").say("The host names of the company ").say(slug).say(" were changed");
        by.tell(event.detail("Hosts", serde_json::json!({ "before": before, "after": wanted })))?;
        Ok(wanted)
    }

    /// The host names go along with a company that is called `to` now; without a `to` they lead nowhere any more.
    pub(super) fn move_hosts(&self, slug: &str, to: Option<&str>) -> Result<()> {
        let mut names = self.hosts().read()?;
        if !names.values().any(|of| of == slug) {
            return Ok(());
        }
        names.retain(|_, of| of != slug || to.is_some());
        if let Some(to) = to {
            names.values_mut().filter(|of| *of == slug).for_each(|of| to.clone_into(of));
        }
        self.hosts().write(&names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_compared_as_browsers_send_it() {
        for (sent, name) in [
            ("Deploy.Example.com", "deploy.example.com"),
            ("deploy.example.com:8443", "deploy.example.com"),
            ("deploy.example.com.", "deploy.example.com"),
            ("[::1]:80", "[::1]"),
        ] {
            assert_eq!(folded(sent), name);
        }
    }

    #[test]
    fn what_is_no_host_name_is_refused() {
        assert_eq!(checked(" Bücher.Example ").ok().as_deref(), Some("xn--bcher-kva.example"));
        for typed in
            ["", "https://a.example", "a.example:80", "a b", "127.0.0.1", "[::1]", "a..b", "a_b.example", "a/b"]
        {
            assert!(checked(typed).is_err(), "{typed}");
        }
    }
}
