//! The `WHERE` of a list: what is asked for and nothing else, because a condition costs for every row there is.

use super::{
    reach::{AllBut, Columns, Reach},
    rows::Rows,
};
use crate::base::{
    error::Result,
    names,
    paging::{Listed, Page},
};
use rusqlite::{Row, params_from_iter, types::Value};

/// Conditions that all must hold, each with its value. In a condition `$` stands for the value.
#[derive(Debug, Default)]
pub struct Conditions {
    parts: Vec<String>,
    parameters: Vec<Value>,
    /// If the last condition leaves out but a few rows: how many values there were before it, and which rows.
    all_but: Option<(usize, AllBut)>,
}

impl Conditions {
    /// One condition, such as `t.space_id = $`.
    pub fn of(condition: &str, value: impl Into<Value>) -> Conditions {
        Conditions::default().with(condition, value)
    }
    /// One more.
    pub fn with(mut self, condition: &str, value: impl Into<Value>) -> Conditions {
        self.all_but = None;
        self.parameters.push(value.into());
        self.parts.push(condition.replace('$', &["?", &self.parameters.len().to_string()].concat()));
        self
    }
    /// One more, if its value was asked for.
    pub fn asked(self, condition: &str, value: Option<impl Into<Value>>) -> Conditions {
        match value {
            Some(value) => self.with(condition, value),
            None => self,
        }
    }
    /// Only those with this in their name, ignoring case, if anything was asked for; `column` holds names' keys.
    pub fn named(self, column: &str, part: &str) -> Conditions {
        let key = names::key(part);
        if key.is_empty() { self } else { self.with(&format!("instr({column}, $) > 0"), key) }
    }
    /// Only those of these numbers, if any were asked for.
    pub fn among(self, column: &str, numbers: Option<&[i64]>) -> Conditions {
        match numbers {
            Some(numbers) => {
                self.with(&format!("{column} IN (SELECT value FROM json_each($))"), self::numbers(numbers))
            }
            None => self,
        }
    }
    /// Only what the visitor may see.
    pub fn seen(mut self, reach: &Reach, columns: Columns) -> Conditions {
        self.all_but = reach.all_but_few(columns).map(|few| (self.parameters.len(), few));
        let condition = reach.condition(columns, &mut self.parameters);
        self.parts.push(condition);
        self
    }
    /// One more that is made by `make`, which adds what it needs to the values, numbered after those already there.
    pub fn made(mut self, make: impl FnOnce(&mut Vec<Value>) -> String) -> Conditions {
        self.all_but = None;
        let condition = make(&mut self.parameters);
        self.parts.push(condition);
        self
    }
    /// All of them, as they stand after `WHERE`.
    fn wanted(&self) -> String {
        self.parts.join(" AND ")
    }
}

/// So many rows that came after the last one that is seen are looked up one by one.
const BEYOND: i64 = 256;

/// Numbers as SQL's `json_each` takes them.
pub fn numbers(numbers: &[i64]) -> Value {
    Value::Text(["[", &numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(","), "]"].concat())
}

impl Rows<'_> {
    /// A page of the rows of `from` (`FROM tenants t`) that meet the conditions, in this order, and how many there are in all.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn page<T>(
        &self,
        (columns, from, order): (&str, &str, &str),
        conditions: &Conditions,
        page: Page,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Listed<T>> {
        let wanted = conditions.wanted();
        let sql =
            format!("SELECT {columns} {from} WHERE {wanted} ORDER BY {order} LIMIT {} OFFSET {}", page.take, page.skip);
        let items = self.all(&sql, params_from_iter(&conditions.parameters), read)?;
        Listed::of(page, items, || self.count(from, conditions))
    }

    /// How many rows of `from` meet the conditions, for each value of this column that there is.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn counts(&self, column: &str, from: &str, conditions: &Conditions) -> Result<Vec<(String, i64)>> {
        let wanted = conditions.wanted();
        let sql = ["SELECT ", column, ", count(*) ", from, " WHERE ", &wanted, " GROUP BY ", column].concat();
        self.all(&sql, params_from_iter(&conditions.parameters), |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// How many rows of `from` meet the conditions.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn count(&self, from: &str, conditions: &Conditions) -> Result<i64> {
        let number = |wanted: &str, parameters: &[Value]| {
            self.number(&["SELECT count(*) ", from, " WHERE ", wanted].concat(), params_from_iter(parameters))
        };
        // Where all but a few are seen, those few are looked up and taken off: to look at each row takes longer. In a
        // join the number could be null, which would be counted with all.
        if let (Some((before, AllBut { column, missing, last })), Some((_, others))) =
            (&conditions.all_but, conditions.parts.split_last())
            && !from.contains("JOIN")
        {
            let newest = self.number(&format!("SELECT COALESCE(max({column}), 0) {from}"), [])?;
            if newest - last <= BEYOND {
                let others = if others.is_empty() { "(1)".to_owned() } else { others.join(" AND ") };
                let mut parameters = conditions.parameters[..*before].to_vec();
                let all = number(&others, &parameters)?;
                let left_out: Vec<i64> = missing.iter().copied().chain(last + 1..=newest).collect();
                parameters.push(numbers(&left_out));
                // Joined this way round: SQLite would go through the rows again, not through the few.
                let few = format!(
                    "SELECT count(*) FROM (SELECT value AS one_of_few FROM json_each(?{})) CROSS JOIN {}
                     WHERE {column} = one_of_few AND {others}",
                    parameters.len(),
                    from.trim_start_matches("FROM ")
                );
                return Ok(all - self.number(&few, params_from_iter(&parameters))?);
            }
        }
        number(&conditions.wanted(), &conditions.parameters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::Space;
    use crate::company::{
        access::permissions::{EnvironmentView, List, TenantView},
        environments,
        tenants::{self, Filter},
        testing::{Scope, harbour},
    };

    /// A page counts the same whether few are seen, half, or all but few, and whatever else is asked.
    #[test]
    fn a_page_counts_what_is_seen_however_little_is_left_out() {
        let harbour = harbour();
        harbour.sql(|c| {
            for n in 1..=400 {
                let slug = format!("tenant-{n}");
                c.execute(
                    "INSERT INTO tenants (space_id, name, name_key, slug, created_at) VALUES (1, ?1, ?1, ?1, 0)",
                    [slug],
                )?;
            }
            // Tenants may be gone, and there may be others in between that are in another space.
            c.execute("DELETE FROM tenants WHERE id IN (7, 8, 350)", [])
        });
        let left_out: [fn(i64) -> bool; 7] = [
            |_| false,
            |id| id == 1,
            |id| id == 7 || id == 9,
            |id| id % 100 == 0,
            |id| id > 390,
            |id| id % 2 == 0,
            |id| id > 3,
        ];
        let whole = harbour.ada();
        for (number, left_out) in left_out.into_iter().enumerate() {
            let seen: Vec<i64> = (1..=400).filter(|id| !left_out(*id)).collect();
            let scope = Scope { tenants: &seen, ..Scope::EVERYWHERE };
            let person = harbour.person(&format!("Person {number}"), &[("Project Deployer", scope)]);
            for filter in [
                Filter::default(),
                Filter { partial_name: "-3".into(), ..Filter::default() },
                Filter { ids: Some((1..=399).collect()), ..Filter::default() },
                Filter { is_disabled: Some(false), ..Filter::default() },
            ] {
                let list = |visitor: &crate::company::access::Visitor, page: Page| {
                    let space = visitor.locate_space(&crate::base::ids::Id::<Space>::new(1).to_string()).unwrap();
                    tenants::list(&visitor.ask(List::<TenantView>::of(&space)).unwrap(), &filter, page).unwrap()
                };
                let all = list(&whole, Page::ALL);
                let expected = all.items.iter().filter(|tenant| seen.contains(&tenant.id.0)).count() as i64;
                let some = list(&person, Page { skip: 0, take: 2 });
                assert_eq!(some.total, expected, "{number} {filter:?}");
                assert!(some.items.iter().all(|tenant| seen.contains(&tenant.id.0)), "{number}");
            }
        }
    }

    /// The same for lists that name their table's columns bare.
    #[test]
    fn environments_count_the_same() {
        let harbour = harbour();
        let all: Vec<i64> = (0..40).map(|n| harbour.environment(&format!("Place {n}"))).collect();
        let (left_out, seen) = all.split_first().unwrap();
        let scope = Scope { environments: seen, ..Scope::EVERYWHERE };
        let person = harbour.person("Ben", &[("Environment Viewer", scope)]);
        let granted = person.ask(List::<EnvironmentView>::of(&harbour.space(&person))).unwrap();
        let listed = environments::list(&granted, &environments::Filter::default(), Page { skip: 0, take: 2 }).unwrap();
        assert_eq!(listed.total, 39);
        assert!(listed.items.iter().all(|one| one.id.0 != *left_out));
        harbour.environment("One that came later");
        let again = harbour.visit(person.user().unwrap().0);
        let granted = again.ask(List::<EnvironmentView>::of(&harbour.space(&again))).unwrap();
        let listed = environments::list(&granted, &environments::Filter::default(), Page { skip: 0, take: 2 }).unwrap();
        assert_eq!(listed.total, 39, "beyond the last that is seen");
    }
}
