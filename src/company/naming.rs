//! How things are named: by a name that none of its kind shares in its space or project, and by a slug made of the first
//! name, which stands in addresses and stays. For the features that keep them in the columns `name_key` and `slug`.

use super::access::{Rows, numbers};
use crate::base::{
    error::{Fields as Wrong, Result},
    names,
};
use rusqlite::types::Value;

/// A kind of thing that has names: where they are kept, and what one is called.
pub(in crate::company) struct Named {
    /// The table.
    pub table: &'static str,
    /// The column of what the names are unique in: `space_id` or `project_id`.
    pub within: &'static str,
    /// What one is called: "a project group".
    pub one: &'static str,
    /// The slug of a name that leaves nothing to make one of.
    pub slug: &'static str,
}

impl Named {
    /// A name of 1–200 characters that is not taken, and a description of at most 2,000, both trimmed. What is wrong goes
    /// under `Name` and `Description`. `this` is the thing that is changed; it may keep its name.
    ///
    /// # Errors
    /// Those of the file alone.
    pub fn check(
        &self,
        rows: &Rows<'_>,
        wrong: &mut Wrong,
        within: i64,
        (name, description): (&str, &str),
        this: Option<i64>,
    ) -> Result<(String, String)> {
        let name = wrong.check("Name", names::name(name, 200)).unwrap_or_default();
        let description = wrong.check("Description", names::text(description, 2000)).unwrap_or_default();
        if wrong.is_empty() {
            self.check_free(rows, wrong, within, &name, this)?;
        }
        Ok((name, description))
    }

    /// Says under `Name` when another has the name.
    ///
    /// # Errors
    /// Those of the file alone.
    pub fn check_free(
        &self,
        rows: &Rows<'_>,
        wrong: &mut Wrong,
        within: i64,
        name: &str,
        this: Option<i64>,
    ) -> Result<()> {
        if self.taken(rows, within, name, this)? {
            wrong.add("Name", format!("There is {} called “{name}” already. Choose another name.", self.one));
        }
        Ok(())
    }

    /// Whether another has the name, in whatever spelling (`names::key`).
    ///
    /// # Errors
    /// Those of the file alone.
    pub fn taken(&self, rows: &Rows<'_>, within: i64, name: &str, this: Option<i64>) -> Result<bool> {
        sql::name_taken(rows, self, within, &names::key(name), this)
    }

    /// The slug of a new thing of this name: the first that is free.
    ///
    /// # Errors
    /// Those of the file alone.
    pub fn free_slug(&self, rows: &Rows<'_>, within: i64, name: &str) -> Result<String> {
        names::free(&names::slug_of(name, self.slug), |slug| sql::slug_taken(rows, self, within, slug, None))
    }

    /// The slug that was wished for a thing, or else the one it has, or else a free one made of its name. What is wrong with
    /// a wish goes under `Slug`.
    ///
    /// # Errors
    /// Those of the file alone.
    pub fn slug(
        &self,
        rows: &Rows<'_>,
        wrong: &mut Wrong,
        within: i64,
        (wished, name): (&str, &str),
        this: Option<(i64, &str)>,
    ) -> Result<String> {
        match (wished.trim(), this) {
            ("", Some((_, present))) => Ok(present.to_owned()),
            ("", None) => self.free_slug(rows, within, name),
            (wished, Some((_, present))) if wished == present => Ok(present.to_owned()),
            (wished, this) => {
                let fit = names::slug_of(wished, self.slug);
                if fit != wished {
                    wrong.add("Slug", format!("This cannot stand in an address. Give for example “{fit}”."));
                } else if sql::slug_taken(rows, self, within, wished, this.map(|(id, _)| id))? {
                    wrong.add(
                        "Slug",
                        format!("There is {} with the slug “{wished}” already. Choose another.", self.one),
                    );
                }
                Ok(wished.to_owned())
            }
        }
    }
}

/// Which of some named things are asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Part of the name, ignoring case.
    pub partial_name: String,
    /// Only these, by number.
    pub ids: Option<Vec<i64>>,
}

/// Numbers as SQL's `json_each` takes them; null when all are meant.
pub(in crate::company) fn json(ids: &Option<Vec<i64>>) -> Value {
    ids.as_deref().map_or(Value::Null, numbers)
}

mod sql {
    use super::*;

    pub fn name_taken(rows: &Rows<'_>, kind: &Named, within: i64, key: &str, but: Option<i64>) -> Result<bool> {
        let Named { table, within: column, .. } = kind;
        let sql = format!("SELECT 1 FROM {table} WHERE {column} = ?1 AND name_key = ?2 AND id IS NOT ?3");
        rows.any(&sql, (within, key, but))
    }

    pub fn slug_taken(rows: &Rows<'_>, kind: &Named, within: i64, slug: &str, but: Option<i64>) -> Result<bool> {
        let Named { table, within: column, .. } = kind;
        let sql = format!("SELECT 1 FROM {table} WHERE {column} = ?1 AND slug = ?2 AND id IS NOT ?3");
        rows.any(&sql, (within, slug, but))
    }
}
