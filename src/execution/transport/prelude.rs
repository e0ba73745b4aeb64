//! What stands before a user's script: the functions every script may call, and its variables.
//!
//! It promises that values arrive unchanged whatever bytes they hold, and that line numbers in error messages are the
//! user's own. It does not know what the variables mean.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use data_encoding::BASE64;

use super::Syntax;

/// The text given to the interpreter.
pub fn whole(syntax: Syntax, body: &str, variables: &BTreeMap<String, String>) -> String {
    // Forms of web pages send CR LF; bash would take the CR as part of the last word.
    let body = body.replace("\r\n", "\n");
    match syntax {
        Syntax::Bash => bash(&body, variables),
        Syntax::PowerShell => powershell(&body, variables),
        Syntax::Python => python(&body, variables),
    }
}

/// The functions of every Bash script, on one line, so that the body's line 1 is line 1 of the file.
const BASH: &str = concat!(
    "__bulkhead_encode() { if command -v base64 >/dev/null 2>&1; then printf %s \"$1\" | base64 | tr -d '\\n'; ",
    "else printf %s \"$1\" | openssl base64 -A; fi; }; ",
    "__bulkhead_decode() { if ! command -v base64 >/dev/null 2>&1; then printf %s \"$1\" | openssl base64 -d -A; ",
    "elif [ \"$(printf QQ== | base64 -d 2>/dev/null)\" = A ]; then printf %s \"$1\" | base64 -d; ",
    "else printf %s \"$1\" | base64 -D; fi; }; ",
    "encode_servicemessagevalue() { __bulkhead_encode \"${1:-}\"; }; ",
    "decode_servicemessagevalue() { __bulkhead_decode \"${1:-}\"; }; ",
    // A name in the same letters goes before one that differs in case; what was found begins with `=`.
    "get_octopusvariable() { local found; found=$(__bulkhead_value \"${1:-}\"); ",
    "if [ -z \"$found\" ]; then found=$(shopt -s nocasematch; __bulkhead_value \"${1:-}\"); fi; ",
    "found=${found#=}; if [ -n \"$found\" ]; then __bulkhead_decode \"$found\"; fi; }; ",
    "set_octopusvariable() { local extra=''; ",
    "if [ \"${3:-}\" = -sensitive ]; then extra=\" sensitive='VHJ1ZQ=='\"; fi; ",
    "printf \"##octopus[setVariable name='%s' value='%s'%s]\\n\" ",
    "\"$(__bulkhead_encode \"$1\")\" \"$(__bulkhead_encode \"${2:-}\")\" \"$extra\"; }; ",
    "update_progress() { printf \"##octopus[progress percentage='%s' message='%s']\\n\" ",
    "\"$(__bulkhead_encode \"${1:-0}\")\" \"$(__bulkhead_encode \"${2:-}\")\"; }; ",
    "fail_step() { if [ -n \"${1:-}\" ]; then ",
    "printf \"##octopus[resultMessage message='%s']\\n\" \"$(__bulkhead_encode \"$1\")\"; fi; exit 1; }; ",
    "__bulkhead_level() { printf '##octopus[stdout-%s]\\n%s\\n##octopus[stdout-default]\\n' \"$1\" \"$2\"; return 0; }; ",
    "write_verbose() { __bulkhead_level verbose \"$*\"; }; write_highlight() { __bulkhead_level highlight \"$*\"; }; ",
    "write_wait() { __bulkhead_level wait \"$*\"; }; write_warning() { __bulkhead_level warning \"$*\"; }; ",
);

/// One line, so that the body's line 1 is line 1 of the file. No `/dev/fd`; an associative array only where bash has them
/// (4.3) and the body mentions it.
fn bash(body: &str, variables: &BTreeMap<String, String>) -> String {
    let mut text = String::from("__bulkhead_value() { case \"$1\" in ");
    for (name, value) in variables {
        // Inside single quotes only the single quote itself means something.
        let name = name.replace('\'', r"'\''").replace('\n', r"'$'\n''");
        let _ = write!(text, "'{name}') printf %s '={}';; ", BASE64.encode(value.as_bytes()));
    }
    text.push_str("esac; }; ");
    text.push_str(BASH);
    if body.contains("octopus_parameters") {
        text.push_str("if [ \"${BASH_VERSINFO[0]}${BASH_VERSINFO[1]}\" -ge 43 ]; then declare -A octopus_parameters; ");
        for (name, value) in variables.iter().filter(|(name, _)| !name.is_empty()) {
            // The subscript is expanded where it is used, so the name stands in a variable.
            let (name, value) = (ansi(name), ansi(value));
            let _ = write!(text, "__bulkhead_name={name}; octopus_parameters[$__bulkhead_name]={value}; ");
        }
        text.push_str("unset __bulkhead_name; fi; ");
    }
    text.push_str(body);
    end_of_line(text)
}

/// A text as bash reads it on one line.
fn ansi(text: &str) -> String {
    let mut quoted = String::from("$'");
    for c in text.chars() {
        match c {
            '\\' | '\'' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\0' => {}
            c => quoted.push(c),
        }
    }
    quoted + "'"
}

/// What stands before every Python script; it is compiled apart, as the script is.
const PYTHON: &str = include_str!("prelude.py");

/// The body is compiled apart, so that its line numbers are its own and `from __future__` may stand first.
fn python(body: &str, variables: &BTreeMap<String, String>) -> String {
    let mut text = String::from("import base64 as _bulkhead_base64\n_bulkhead_variables = [\n");
    for (name, value) in variables {
        let (name, value) = (BASE64.encode(name.as_bytes()), BASE64.encode(value.as_bytes()));
        let _ = writeln!(text, "    (\"{name}\", \"{value}\"),");
    }
    let (body, prelude) = (BASE64.encode(body.as_bytes()), BASE64.encode(PYTHON.as_bytes()));
    let _ = write!(
        text,
        "]\n_bulkhead_body = _bulkhead_base64.b64decode(\"{body}\")\n\
         exec(compile(_bulkhead_base64.b64decode(\"{prelude}\"), \"<bulkhead>\", \"exec\"))\n"
    );
    text
}

/// The functions of every PowerShell script.
const POWERSHELL: &str = r###"function Get-OctopusVariable([string]$name) { if ($OctopusParameters.ContainsKey($name)) { $OctopusParameters[$name] } else { '' } }
function Set-OctopusVariable([string]$name, [string]$value, [switch]$sensitive) {
    $extra = if ($sensitive) { " sensitive='VHJ1ZQ=='" } else { '' }
    Write-Host "##octopus[setVariable name='$(ConvertTo-Bulkhead $name)' value='$(ConvertTo-Bulkhead $value)'$extra]"
}
function Write-BulkheadLevel([string]$level, [string]$text) { Write-Host "##octopus[stdout-$level]`n$text`n##octopus[stdout-default]" }
function Write-Verbose([Parameter(ValueFromPipeline = $true)][string]$Message) { process { Write-BulkheadLevel 'verbose' $Message } }
function Write-Debug([Parameter(ValueFromPipeline = $true)][string]$Message) { process { Write-BulkheadLevel 'verbose' $Message } }
function Write-Warning([Parameter(ValueFromPipeline = $true)][string]$Message) { process { Write-BulkheadLevel 'warning' $Message } }
function Write-Highlight([Parameter(ValueFromPipeline = $true)][string]$Message) { process { Write-BulkheadLevel 'highlight' $Message } }
function Write-Wait([Parameter(ValueFromPipeline = $true)][string]$Message) { process { Write-BulkheadLevel 'wait' $Message } }
function Update-Progress([int]$percentage, [string]$message) {
    Write-Host "##octopus[progress percentage='$(ConvertTo-Bulkhead $percentage)' message='$(ConvertTo-Bulkhead $message)']"
}
function Fail-Step([string]$message) {
    if ($message) { Write-Host "##octopus[resultMessage message='$(ConvertTo-Bulkhead $message)']" }
    exit -1
}
function Set-BulkheadBareName([string]$name, [string]$value) {
    if (Get-Variable -Name $name -Scope Global -ErrorAction Ignore) { return }
    try { Set-Variable -Name $name -Value (ConvertFrom-Bulkhead $value) -Scope Script } catch { }
}
"###;

/// By which bare name (`$OctopusReleaseNumber`) which variable is read: none with `[` in its name; of two that make one
/// name the one that is called so, else the first in order.
fn bare_names(variables: &BTreeMap<String, String>) -> BTreeMap<String, &str> {
    let mut bare: BTreeMap<String, (String, &str)> = BTreeMap::new();
    for name in variables.keys().filter(|name| !name.contains('[')) {
        let letters: String = name.chars().filter(|c| c.is_alphanumeric()).collect();
        let scored: String = name.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect();
        for made in [letters, scored] {
            let key = made.to_lowercase();
            if key.is_empty() {
                continue;
            }
            let present = bare.entry(key).or_insert_with(|| (made.clone(), name));
            if name.eq_ignore_ascii_case(&made) && !present.1.eq_ignore_ascii_case(&made) {
                *present = (made, name);
            }
        }
    }
    bare.into_values().collect()
}

/// The body is a script block of its own, so that `param` and `using` may stand first.
fn powershell(body: &str, variables: &BTreeMap<String, String>) -> String {
    let mut text = String::from(
        "$ErrorActionPreference = 'Stop'\n\
         function ConvertFrom-Bulkhead([string]$text) { [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($text)) }\n\
         function ConvertTo-Bulkhead([string]$text) { [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($text)) }\n\
         [Console]::OutputEncoding = New-Object Text.UTF8Encoding $false\n\
         $OctopusParameters = New-Object 'System.Collections.Generic.Dictionary[String,String]' ([StringComparer]::OrdinalIgnoreCase)\n",
    );
    for (name, value) in variables {
        let _ = writeln!(
            text,
            "$OctopusParameters[(ConvertFrom-Bulkhead '{}')] = ConvertFrom-Bulkhead '{}'",
            BASE64.encode(name.as_bytes()),
            BASE64.encode(value.as_bytes())
        );
    }
    text.push_str(POWERSHELL);
    for (bare, name) in bare_names(variables) {
        let value = variables.get(name).map(|value| BASE64.encode(value.as_bytes())).unwrap_or_default();
        let _ = writeln!(text, "Set-BulkheadBareName '{bare}' '{value}'");
    }
    text.push_str("$LASTEXITCODE = 0\n");
    let _ = write!(
        text,
        ". ([ScriptBlock]::Create((ConvertFrom-Bulkhead '{}')))\nexit $LASTEXITCODE\n",
        BASE64.encode(body.as_bytes())
    );
    text
}

fn end_of_line(mut text: String) -> String {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Findings H6.
    #[test]
    fn powershell_reads_variables_by_bare_names() {
        let names =
            ["Db.Host_Name", "Octopus.Release.Number", "---", "Octopus.Action[One].Output.A", "a.b", "A-B", "ab"];
        let variables = names.iter().map(|name| ((*name).to_owned(), (*name).to_owned())).collect();
        let bare = bare_names(&variables);
        let told: Vec<(&str, &str)> = bare.iter().map(|(bare, name)| (bare.as_str(), *name)).collect();
        assert_eq!(
            told,
            [
                ("DbHostName", "Db.Host_Name"),
                ("DbHost_Name", "Db.Host_Name"),
                ("OctopusReleaseNumber", "Octopus.Release.Number"),
                ("ab", "ab"),
            ]
        );
        assert!(powershell("'x'", &variables).contains("Set-BulkheadBareName 'OctopusReleaseNumber' "));
    }
}
