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

/// One line, so that the body's line 1 is line 1 of the file. No associative arrays (bash 3.2), no `/dev/fd`.
fn bash(body: &str, variables: &BTreeMap<String, String>) -> String {
    let mut text = String::from("__bulkhead_value() { case \"$1\" in ");
    for (name, value) in variables {
        // Inside single quotes only the single quote itself means something.
        let name = name.replace('\'', r"'\''").replace('\n', r"'$'\n''");
        let _ = write!(text, "'{name}') printf %s '{}';; ", BASE64.encode(value.as_bytes()));
    }
    text.push_str("esac; }; ");
    text.push_str(
        "__bulkhead_encode() { if command -v base64 >/dev/null 2>&1; then printf %s \"$1\" | base64 | tr -d '\\n'; \
         else printf %s \"$1\" | openssl base64 -A; fi; }; \
         __bulkhead_decode() { if ! command -v base64 >/dev/null 2>&1; then printf %s \"$1\" | openssl base64 -d -A; \
         elif [ \"$(printf QQ== | base64 -d 2>/dev/null)\" = A ]; then printf %s \"$1\" | base64 -d; \
         else printf %s \"$1\" | base64 -D; fi; }; \
         get_octopusvariable() { local found; found=$(__bulkhead_value \"$1\"); \
         if [ -n \"$found\" ]; then __bulkhead_decode \"$found\"; fi; }; \
         set_octopusvariable() { local extra=''; \
         if [ \"${3:-}\" = -sensitive ]; then extra=\" sensitive='VHJ1ZQ=='\"; fi; \
         printf \"##octopus[setVariable name='%s' value='%s'%s]\\n\" \"$(__bulkhead_encode \"$1\")\" \"$(__bulkhead_encode \"${2:-}\")\" \"$extra\"; }; ",
    );
    text.push_str(body);
    end_of_line(text)
}

/// The body is compiled apart, so that its line numbers are its own and `from __future__` may stand first.
fn python(body: &str, variables: &BTreeMap<String, String>) -> String {
    let mut text = String::from("import base64 as _bulkhead_base64\n_bulkhead_variables = {\n");
    for (name, value) in variables {
        let _ = writeln!(text, "    \"{}\": \"{}\",", BASE64.encode(name.as_bytes()), BASE64.encode(value.as_bytes()));
    }
    text.push_str("}\n\n\n");
    text.push_str(
        r###"def _bulkhead_encode(value):
    return _bulkhead_base64.b64encode(str(value).encode("utf-8")).decode("ascii")


def get_octopusvariable(name):
    found = _bulkhead_variables.get(_bulkhead_encode(name))
    return "" if found is None else _bulkhead_base64.b64decode(found).decode("utf-8")


def set_octopusvariable(name, value, sensitive=False):
    extra = " sensitive='VHJ1ZQ=='" if sensitive else ""
    print("##octopus[setVariable name='%s' value='%s'%s]" % (_bulkhead_encode(name), _bulkhead_encode(value), extra), flush=True)


"###,
    );
    let _ = writeln!(
        text,
        "exec(compile(_bulkhead_base64.b64decode(\"{}\"), \"script.py\", \"exec\"))",
        BASE64.encode(body.as_bytes())
    );
    text
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
    text.push_str(
        "function Get-OctopusVariable([string]$name) { if ($OctopusParameters.ContainsKey($name)) { $OctopusParameters[$name] } else { '' } }\n\
         function Set-OctopusVariable([string]$name, [string]$value, [switch]$sensitive) {\n\
         \x20   $extra = if ($sensitive) { \" sensitive='VHJ1ZQ=='\" } else { '' }\n\
         \x20   Write-Host \"##octopus[setVariable name='$(ConvertTo-Bulkhead $name)' value='$(ConvertTo-Bulkhead $value)'$extra]\"\n\
         }\n\
         $LASTEXITCODE = 0\n",
    );
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
