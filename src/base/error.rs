//! What can go wrong, as facts. `web/error.rs` makes a page of it, `api/error.rs` the wire's error body; nobody else
//! turns these into sentences or status codes.

pub use super::fault::{Fault, FaultKind};

use std::{fmt, path::Path};

/// The result of every command.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kinds of failure.
#[derive(Debug)]
pub enum Error {
    /// The visitor may see the thing but lacks a permission (`access-rules §7`).
    Denied(Box<Denied>),
    /// What was sent is wrong, field by field.
    Invalid(Fields),
    /// There is no such thing, or the visitor may not know that there is: the two look alike.
    NotFound(String),
    /// What was given could mean more than one thing that the visitor may see; the sentence names them by their ids.
    Ambiguous(String),
    /// The change contradicts the present state; the sentence says how and what to do.
    Conflict(String),
    /// Needs a fresh proof of a second factor first; with it, the same request goes through (`access-rules §9`).
    ProofNeeded,
    /// A program asks for what only a person can do who is signed in and has just proved who they are (`access-rules §11`).
    PersonNeeded,
    /// Whoever is signed in must set up a second factor before anything else (`access-rules §11`).
    SecondFactorNeeded,
    /// A limit that the operator has set is reached: nothing was done.
    Limit(Limit),
    /// Cannot be served now: a company that is busy or suspended, a stopping server. The sentence is for the visitor.
    Unavailable(String),
    /// The disk, or what is on it: full, damaged, not readable. People read its public sentence, the operator the rest.
    Fault(Box<Fault>),
    /// Too much or too many at once: to be tried again after so many seconds.
    Later {
        /// What was too much, and what to do.
        sentence: String,
        /// How long to wait, at least 1.
        seconds: i64,
    },
    /// Our fault. Logged with its causes, shown with a reference number only.
    Internal(anyhow::Error),
}

/// A limit that was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Which.
    pub bound: Bound,
    /// What is full and what to do.
    pub sentence: String,
    /// After how many seconds there may be room again, when that is known.
    pub retry_after: Option<i64>,
}

/// What a company can use up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bound {
    /// Room on the disk.
    Disk,
    /// People.
    People,
    /// Tasks carried out at once.
    RunningTasks,
    /// Requests in a minute.
    Requests,
}

impl Bound {
    /// Its name on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Bound::Disk => "DiskBytes",
            Bound::People => "People",
            Bound::RunningTasks => "RunningTasks",
            Bound::Requests => "RequestsPerMinute",
        }
    }
}

impl Bound {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Bound::Disk => "room on the disk",
            Bound::People => "people",
            Bound::RunningTasks => "tasks carried out at once",
            Bound::Requests => "requests in a minute",
        }
    }
}

/// A refusal: what was missing, where, and who has it.
#[derive(Debug, Clone, Default)]
pub struct Denied {
    /// The catalogue's name of the missing permission.
    pub permission: &'static str,
    /// What the permission allows, in a sentence of the catalogue.
    pub meaning: &'static str,
    /// "project Shop, environment Production": the place it was needed at, in names.
    pub place: String,
    /// Wire ids of the place: `(SpaceId | ProjectId | EnvironmentId | TenantId, id)`.
    pub context: Vec<(&'static str, String)>,
    /// The scope that failed ("environment"), or why no grant applied.
    pub reason: String,
    /// Teams that hold it there, `(id, name)`; `None` when the visitor may not see teams.
    pub teams: Option<Vec<(String, String)>>,
    /// The same question as the page "Why, or why not?" takes it: each box of its form and what stands in it. `None` for
    /// what cannot be asked there: of several environments or tenants at once, of a thing that is yet to be made.
    pub question: Option<Vec<(&'static str, String)>>,
}

/// Errors of a form or a body, each under the name of its field.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// No errors yet.
    pub fn new() -> Self {
        Self::default()
    }
    /// Adds one error under a field's name, as it is called on the wire (`Name`).
    pub fn add(&mut self, field: &str, message: impl Into<String>) {
        self.0.push((field.to_owned(), message.into()));
    }
    /// Keeps the value of a check, or its error.
    pub fn check<T>(&mut self, field: &str, result: std::result::Result<T, String>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(message) => {
                self.add(field, message);
                None
            }
        }
    }
    /// Whether nothing was wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// `Err(Invalid)` if anything was wrong.
    pub fn finish(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Invalid(self)) }
    }
    /// The first error of a field.
    pub fn of(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(field)).map(|(_, message)| message.as_str())
    }
    /// Field and message, in the order found.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(field, message)| (field.as_str(), message.as_str()))
    }
}

impl Error {
    /// One field is wrong.
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        let mut fields = Fields::new();
        fields.add(field, message);
        Error::Invalid(fields)
    }
    /// A fault of the disk or of what is on it.
    pub fn fault(kind: FaultKind, cause: impl fmt::Display) -> Self {
        Error::Fault(Box::new(Fault::new(kind, cause)))
    }
    /// The same with the path at which it was met, for the operator.
    #[must_use]
    pub fn at(self, path: &Path) -> Self {
        match self {
            Error::Fault(fault) => Error::Fault(Box::new(fault.at(path))),
            Error::Internal(cause) => Error::Internal(cause.context(path.display().to_string())),
            other => other,
        }
    }
    /// What people may read of it: no paths, no causes. [`fmt::Display`] is what the operator reads.
    pub fn public(&self) -> String {
        match self {
            Error::Fault(fault) => fault.public.clone(),
            Error::Internal(_) => "A server error stopped this. The server's log has the details.".into(),
            other => other.to_string(),
        }
    }
    /// The fault of the disk, if it is one.
    pub fn as_fault(&self) -> Option<&Fault> {
        if let Error::Fault(fault) = self { Some(fault) } else { None }
    }
    /// A fault of ours, with a sentence for the log.
    pub fn internal(message: impl fmt::Display) -> Self {
        Error::Internal(anyhow::anyhow!("{message}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Denied(denied) => write!(f, "Missing permission: {}", denied.permission),
            Error::Invalid(fields) => {
                let all: Vec<&str> = fields.iter().map(|(_, message)| message).collect();
                f.write_str(&all.join(" "))
            }
            Error::NotFound(what) => write!(f, "The resource '{what}' was not found."),
            Error::ProofNeeded => f.write_str("This needs a fresh proof that it is you."),
            Error::SecondFactorNeeded => f.write_str("A second factor is needed now: set one up first."),
            Error::PersonNeeded => {
                f.write_str("Only a person who is signed in can do this, not an API key or a token.")
            }
            Error::Ambiguous(sentence)
            | Error::Conflict(sentence)
            | Error::Unavailable(sentence)
            | Error::Later { sentence, .. } => f.write_str(sentence),
            Error::Limit(limit) => f.write_str(&limit.sentence),
            Error::Fault(fault) => write!(f, "{fault}"),
            Error::Internal(cause) => write!(f, "{cause:#}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<anyhow::Error> for Error {
    fn from(cause: anyhow::Error) -> Self {
        Error::Internal(cause)
    }
}
impl From<std::io::Error> for Error {
    /// A full disk, missing rights, a read-only or failing disk become a [`Fault`]; add the place with [`Error::at`].
    fn from(cause: std::io::Error) -> Self {
        match Fault::of_io(&cause) {
            Some(fault) => Error::Fault(Box::new(fault)),
            None => Error::Internal(cause.into()),
        }
    }
}
impl From<serde_json::Error> for Error {
    fn from(cause: serde_json::Error) -> Self {
        Error::Internal(cause.into())
    }
}
