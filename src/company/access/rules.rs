//! What the company has settled for itself, as sign-in and the features look it up. [`super::super::settings`] changes it.

use super::rows::Rows;
use crate::base::{
    clock::{DAY, MINUTE, Moment},
    error::{Bound, Error, Limit, Result},
};

/// Who must have a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SecondFactor {
    /// Nobody; everybody may.
    Nobody,
    /// Whoever holds one of the chosen permissions anywhere.
    Holders,
    /// Everybody with a password.
    Everyone,
}

impl SecondFactor {
    /// As it is stored and said on the wire.
    pub fn word(self) -> &'static str {
        match self {
            SecondFactor::Nobody => "nobody",
            SecondFactor::Holders => "holders",
            SecondFactor::Everyone => "everyone",
        }
    }
    /// From its word; an unknown one demands the most.
    pub fn of(word: &str) -> SecondFactor {
        match word {
            "nobody" => SecondFactor::Nobody,
            "holders" => SecondFactor::Holders,
            _ => SecondFactor::Everyone,
        }
    }
}

/// What the operator lets a company use; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Size of its folder, in bytes.
    pub disk_bytes: Option<i64>,
    /// People who are active or invited; service accounts do not count.
    pub people: Option<i64>,
    /// Tasks carried out at once.
    pub running_tasks: Option<i64>,
    /// Requests in a minute, of pages and API together.
    pub requests_per_minute: Option<i64>,
}

/// What the company has settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Name of a time zone of the IANA database, such as `Europe/Berlin`.
    pub time_zone: String,
    /// Who must have a second factor.
    pub second_factor: SecondFactor,
    /// The permissions whose holders must, by name.
    pub second_factor_permissions: Vec<String>,
    /// When the rule last became stricter: the days of grace run from here.
    pub second_factor_since: Moment,
    /// Days in which one may still sign in without.
    pub grace_days: i64,
    /// The fewest characters of a new password.
    pub password_min: usize,
    /// A session ends after so many minutes without use.
    pub session_idle_minutes: i64,
    /// And after so many in any case.
    pub session_absolute_minutes: i64,
    /// Whether people may have API keys; service accounts may always.
    pub people_may_have_keys: bool,
    /// A new key lives at most so many days.
    pub key_days_max: i64,
    /// A new key lives so many days unless told otherwise.
    pub key_days_usual: i64,
    /// Whether only people, and no keys and tokens, change who may do what (`proving`).
    pub access_by_people_only: bool,
    /// Whom letters come from; the appliance's own address without one.
    pub from_address: Option<String>,
    /// What is shown in place of the company's name.
    pub brand_name: Option<String>,
    /// The accent colour, `#rrggbb`.
    pub brand_accent: Option<String>,
    /// Whether tenants' own people are told in the portal what it is made with.
    pub names_product: bool,
    /// Names the present logo; `None` without one.
    pub brand_logo: Option<String>,
    /// What the operator lets it use.
    pub limits: Limits,
    /// Whether the trail's checkpoints go to the system's log.
    pub checkpoint_syslog: bool,
    /// Where the trail's checkpoints are sent.
    pub checkpoint_webhook: Option<String>,
    /// Days that events stay in the file before they are archived.
    pub retention_days: i64,
    /// Whether tenants' own people are in Everyone.
    pub customers_in_everyone: bool,
}

impl Default for Rules {
    /// What a new company begins with.
    fn default() -> Self {
        Rules {
            time_zone: "UTC".into(),
            second_factor: SecondFactor::Everyone,
            second_factor_permissions: ["AdministerSystem", "ConfigureServer", "UserEdit", "TeamEdit"]
                .map(str::to_owned)
                .to_vec(),
            second_factor_since: Moment(0),
            grace_days: 0,
            password_min: 12,
            session_idle_minutes: 12 * 60,
            session_absolute_minutes: 14 * 24 * 60,
            people_may_have_keys: true,
            key_days_max: 3650,
            key_days_usual: 180,
            access_by_people_only: false,
            from_address: None,
            brand_name: None,
            brand_accent: None,
            names_product: false,
            brand_logo: None,
            limits: Limits::default(),
            checkpoint_syslog: false,
            checkpoint_webhook: None,
            retention_days: 90,
            customers_in_everyone: false,
        }
    }
}

impl Rules {
    /// After how long without use a session ends, in milliseconds.
    pub fn session_idle(&self) -> i64 {
        self.session_idle_minutes * MINUTE
    }
    /// How long a session lives at most, in milliseconds.
    pub fn session_absolute(&self) -> i64 {
        self.session_absolute_minutes * MINUTE
    }
    /// Until when somebody who began then may still sign in without the second factor that is demanded of them.
    pub fn grace_ends(&self, began: Moment) -> Moment {
        Moment(self.second_factor_since.0.max(began.0)).plus(self.grace_days * DAY)
    }
}

/// What the company has settled, as of this view of its file.
pub(in crate::company) fn rules(rows: &Rows<'_>) -> Result<Rules> {
    let found = rows.one(
        "SELECT time_zone, second_factor, second_factor_permissions, second_factor_since, grace_days, password_min,
                session_idle_minutes, session_absolute_minutes, people_may_have_keys, key_days_max, key_days_usual,
                from_address, brand_name, brand_accent, brand_logo_digest, disk_bytes, people, running_tasks,
                requests_per_minute, checkpoint_syslog, checkpoint_webhook, retention_days, names_product,
                access_by_people_only, customers_in_everyone FROM settings",
        [],
        |row| {
            Ok(Rules {
                time_zone: row.get(0)?,
                second_factor: SecondFactor::of(row.get_ref(1)?.as_str()?),
                second_factor_permissions: serde_json::from_str(row.get_ref(2)?.as_str()?).unwrap_or_default(),
                second_factor_since: row.get(3)?,
                grace_days: row.get(4)?,
                password_min: row.get::<_, u32>(5)? as usize,
                session_idle_minutes: row.get(6)?,
                session_absolute_minutes: row.get(7)?,
                people_may_have_keys: row.get(8)?,
                key_days_max: row.get(9)?,
                key_days_usual: row.get(10)?,
                from_address: row.get(11)?,
                brand_name: row.get(12)?,
                brand_accent: row.get(13)?,
                brand_logo: row.get(14)?,
                limits: Limits {
                    disk_bytes: row.get(15)?,
                    people: row.get(16)?,
                    running_tasks: row.get(17)?,
                    requests_per_minute: row.get(18)?,
                },
                checkpoint_syslog: row.get(19)?,
                checkpoint_webhook: row.get(20)?,
                retention_days: row.get(21)?,
                names_product: row.get(22)?,
                access_by_people_only: row.get(23)?,
                customers_in_everyone: row.get(24)?,
            })
        },
    )?;
    found.ok_or_else(|| Error::internal("the company's file has no settings"))
}

/// Whether one more person may be invited or made active again: ask within the change that does it.
///
/// # Errors
/// `Limit` when the company has as many people as it may have.
pub(in crate::company) fn room_for_a_person(rows: &Rows<'_>) -> Result<()> {
    let Some(most) = rules(rows)?.limits.people else { return Ok(()) };
    if people(rows)? < most {
        return Ok(());
    }
    Err(Error::Limit(Limit {
        bound: Bound::People,
        sentence: format!(
            "This company may have {most} people and has as many, those invited included. Deactivate somebody, or ask the operator for more."
        ),
        retry_after: None,
    }))
}

/// People who are active or invited: what the limit counts.
pub(in crate::company) fn people(rows: &Rows<'_>) -> Result<i64> {
    rows.number("SELECT count(*) FROM users WHERE is_service = 0 AND state IN ('invited', 'active')", [])
}
