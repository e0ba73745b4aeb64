//! Tag sets and their tags: words by which tenants are chosen.
//!
//! Reading them takes holding anything in the space. Renaming a set or a tag renames it everywhere; a tag in use cannot
//! be removed (`domain §7`).

use super::filter::{Empty, Filter as Choice};
pub use crate::company::naming::Filter;
use crate::company::naming::Named;
use crate::{
    base::{
        error::{Error, Fields as Wrong, Result},
        ids::{Id, Space, Tag as TagKind, TagSet as Kind},
        names,
        paging::{Listed, Page},
    },
    company::access::{
        Conditions, Event, Granted, Rows, Visitor, Writing,
        permissions::{Change, Inside, TagSetCreate, TagSetDelete, TagSetEdit},
    },
    company::references::{self, User},
};
use serde::Serialize;

/// How they are named.
const NAMES: Named = Named { table: "tag_sets", within: "space_id", one: "a tag set", slug: "tag-set" };

/// A tag set with its tags, in their order.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagSet {
    /// Its id.
    #[serde(skip)]
    pub id: Id<Kind>,
    /// Its space.
    #[serde(skip)]
    pub space: Id<Space>,
    /// Its name, unique in its space, without `/`.
    pub name: String,
    /// What stands for it in addresses.
    pub slug: String,
    /// What it is for.
    pub description: String,
    /// Its place among the sets.
    pub sort_order: i64,
    /// Its tags.
    pub tags: Vec<Tag>,
}

/// A tag.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// Its id.
    #[serde(skip)]
    pub id: Id<TagKind>,
    /// The set it is of.
    #[serde(skip)]
    pub set: Id<Kind>,
    /// Its name, unique in its set, without `/`.
    pub name: String,
    /// `#RRGGBB`.
    pub color: String,
    /// What it says of a tenant.
    pub description: String,
    /// Its place in the set.
    pub sort_order: i64,
    /// `Set/Tag`, as it is called everywhere else.
    #[serde(skip)]
    pub canonical: String,
}

/// The colour of a tag that was given none.
pub const GREY: &str = "#6E7781";

/// What a person gives.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// Required, 1–200 characters without `/`, unique in the space.
    pub name: String,
    /// At most 2,000 characters.
    pub description: String,
    /// All tags of the set, in their order; those of the set that are not among them are removed.
    pub tags: Vec<TagFields>,
    /// What stands for it in addresses; empty: made of the first name, and kept.
    pub slug: String,
    /// Its place in the order; none: last, and kept.
    pub sort_order: Option<i64>,
}

/// One tag as it is given.
#[derive(Debug, Clone, Default)]
pub struct TagFields {
    /// Which tag of the set this was; without it the one of the same name, or a new one.
    pub id: Option<Id<TagKind>>,
    /// Required, 1–200 characters without `/`, unique in the set.
    pub name: String,
    /// `#RRGGBB`; empty means grey.
    pub color: String,
    /// At most 2,000 characters.
    pub description: String,
}

/// The tag sets of a space, in their order.
pub fn list(granted: &Granted<'_, Inside<Space>>, filter: &Filter, page: Page) -> Result<Listed<TagSet>> {
    granted.read(|rows| sql::list(rows, granted.what().at.id(), filter, page))
}

/// One tag set.
pub fn show(granted: &Granted<'_, Inside<Kind>>) -> Result<TagSet> {
    granted.read(|rows| by_id(rows, granted.what().at.id()))
}

/// Makes a tag set, last in the order.
///
/// # Errors
/// `Invalid` for a name that is missing, too long, taken or holds a `/`; for a colour that is none.
pub fn create(granted: &Granted<'_, TagSetCreate>, fields: Fields) -> Result<TagSet> {
    let space = granted.what().space.id();
    granted.write(|tx| {
        let fields = check(tx, space, &fields, None)?;
        let id = sql::insert(tx, space, &fields)?;
        for (place, tag) in fields.tags.iter().enumerate() {
            sql::insert_tag(tx, id, place as i64, tag)?;
        }
        let made = by_id(tx, id)?;
        let event = Event::new("Created").say("Tag set ").name(id, &made.name).say(" was created");
        tx.record(event.space(space.0), made)
    })
}

/// Changes a tag set: its tags become those given.
///
/// # Errors
/// As [`create`]; `Conflict` when a tag that is in use would be removed, with who uses it.
pub fn edit(granted: &Granted<'_, TagSetEdit>, fields: Fields) -> Result<TagSet> {
    let id = granted.what().tag_set.id();
    granted.write(|tx| {
        let before = by_id(tx, id)?;
        let mut fields = check(tx, before.space, &fields, Some(&before))?;
        for tag in &mut fields.tags {
            let known =
                |wanted: &Tag| tag.id.map_or(names::key(&wanted.name) == names::key(&tag.name), |id| id == wanted.id);
            tag.id = before.tags.iter().find(|wanted| known(wanted)).map(|found| found.id);
        }
        for gone in before.tags.iter().filter(|tag| !fields.tags.iter().any(|kept| kept.id == Some(tag.id))) {
            remove(granted, tx, gone)?;
        }
        sql::update(tx, id, &fields)?;
        sql::set_names_aside(tx, id)?;
        for (place, tag) in fields.tags.iter().enumerate() {
            match tag.id {
                Some(known) => sql::update_tag(tx, known, place as i64, tag)?,
                None => sql::insert_tag(tx, id, place as i64, tag)?,
            }
        }
        let after = by_id(tx, id)?;
        let event = Event::new("Modified").say("Tag set ").name(id, &after.name).say(" was changed");
        tx.record(event.space(after.space.0).difference(&before, &after), after)
    })
}

/// Deletes a tag set with its tags.
///
/// # Errors
/// `Conflict` while one of its tags is in use, with who uses it.
pub fn delete(granted: &Granted<'_, TagSetDelete>) -> Result<()> {
    let id = granted.what().tag_set.id();
    granted.write(|tx| {
        let gone = by_id(tx, id)?;
        for tag in &gone.tags {
            remove(granted, tx, tag)?;
        }
        tx.run("DELETE FROM tag_sets WHERE id = ?1", [id])?;
        let event = Event::new("Deleted").say("Tag set ").name(id, &gone.name).say(" was deleted");
        tx.record(event.space(gone.space.0), ())
    })
}

/// Why it cannot be deleted now, as far as the visitor may see it; `None`: it can. What [`delete`] would say, said first
/// (findings C6).
pub fn obstacle(granted: &Granted<'_, TagSetDelete>) -> Result<Option<String>> {
    granted.read(|rows| {
        for tag in &by_id(rows, granted.what().tag_set.id())?.tags {
            if let Some(why) = stops(rows, granted.visitor(), tag)? {
                return Ok(Some(why));
            }
        }
        Ok(None)
    })
}

/// Puts tag sets into a new order: those named come first, in the order named. Needs the right to change each.
pub fn sort(granted: &[Granted<'_, TagSetEdit>]) -> Result<()> {
    let Some(first) = granted.first() else { return Ok(()) };
    let space = first.what().tag_set.space_id();
    first.write(|tx| {
        tx.run("UPDATE tag_sets SET sort_order = sort_order + ?2 WHERE space_id = ?1", (space, granted.len() as i64))?;
        for (place, one) in granted.iter().enumerate() {
            tx.run("UPDATE tag_sets SET sort_order = ?2 WHERE id = ?1", (one.what().tag_set.id(), place as i64))?;
        }
        tx.record(Event::new("Modified").say("The order of the tag sets was changed").space(space), ())
    })
}

fn stops(rows: &Rows<'_>, visitor: &Visitor, tag: &Tag) -> Result<Option<String>> {
    let users = references::sentence(&references::words(&sql::users(rows, tag.id)?, visitor));
    Ok(users.map(|users| {
        format!("The tag {} cannot be removed: it is used by {users}. Take it off there first.", tag.canonical)
    }))
}

fn remove<P: Change>(granted: &Granted<'_, P>, tx: &Writing<'_>, tag: &Tag) -> Result<()> {
    if let Some(why) = stops(tx, granted.visitor(), tag)? {
        return Err(Error::Conflict(why));
    }
    tx.run("DELETE FROM tags WHERE id = ?1", [tag.id])?;
    Ok(())
}

fn check(rows: &Rows<'_>, space: Id<Space>, fields: &Fields, this: Option<&TagSet>) -> Result<Fields> {
    let mut wrong = Wrong::new();
    let mut checked = Fields {
        name: wrong.check("Name", name(&fields.name)).unwrap_or_default(),
        description: wrong.check("Description", names::text(&fields.description, 2000)).unwrap_or_default(),
        sort_order: fields.sort_order.or(this.map(|this| this.sort_order)),
        ..Fields::default()
    };
    if wrong.is_empty() {
        NAMES.check_free(rows, &mut wrong, space.0, &checked.name, this.map(|this| this.id.0))?;
    }
    let present = this.map(|this| (this.id.0, this.slug.as_str()));
    checked.slug = NAMES.slug(rows, &mut wrong, space.0, (&fields.slug, &checked.name), present)?;
    if checked.sort_order.is_some_and(|place| !(0..=1_000_000).contains(&place)) {
        wrong.add("SortOrder", "Give a number from 0 to 1000000.");
    }
    for (place, tag) in fields.tags.iter().enumerate() {
        let at = |what: &str| format!("Tags[{place}].{what}");
        let tag = TagFields {
            id: tag.id,
            name: wrong.check(&at("Name"), name(&tag.name)).unwrap_or_default(),
            color: wrong.check(&at("Color"), color(&tag.color)).unwrap_or_default(),
            description: wrong.check(&at("Description"), names::text(&tag.description, 2000)).unwrap_or_default(),
        };
        if tag.id.is_some_and(|id| !this.is_some_and(|set| set.tags.iter().any(|known| known.id == id))) {
            wrong.add(&at("Id"), "No tag of this set has this id. Leave it out for a new tag.");
        }
        let same = |other: &TagFields| {
            names::key(&other.name) == names::key(&tag.name) && !tag.name.is_empty()
                || tag.id.is_some() && other.id == tag.id
        };
        if checked.tags.iter().any(same) {
            wrong.add(&at("Name"), format!("The tag “{}” is in the set twice. Leave one out.", tag.name));
        }
        checked.tags.push(tag);
    }
    wrong.finish()?;
    Ok(checked)
}

fn name(text: &str) -> Result<String, String> {
    let name = names::name(text, 200)?;
    if name.contains('/') { Err("Leave out the slash: it stands between a set and its tag.".into()) } else { Ok(name) }
}

fn color(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(GREY.into());
    }
    let digits = text.strip_prefix('#').unwrap_or_default();
    if digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        Ok(text.to_ascii_uppercase())
    } else {
        Err("Give a colour as #RRGGBB, such as #1F6FEB.".into())
    }
}

/// One tag set, inside a transaction that was granted for something that has it.
pub(in crate::company) fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<TagSet> {
    sql::by_id(rows, id)
}

/// All tags of a space.
pub(in crate::company) fn all(rows: &Rows<'_>, space: Id<Space>) -> Result<Vec<Tag>> {
    sql::of_space(rows, space)
}

/// The tags that are meant by `Set/Tag` or by id (`Tags-3`), ignoring case.
///
/// # Errors
/// `Invalid` under `field` for one that does not exist.
pub(in crate::company) fn resolve(
    rows: &Rows<'_>,
    space: Id<Space>,
    field: &str,
    wanted: &[String],
) -> Result<Vec<Tag>> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let all = all(rows, space)?;
    let mut found: Vec<Tag> = Vec::new();
    let mut wrong = Wrong::new();
    for text in wanted {
        let (key, id) = (names::key(text), Id::<TagKind>::parse(text));
        match all.iter().find(|tag| Some(tag.id) == id || names::key(&tag.canonical) == key) {
            Some(tag) if found.iter().any(|other| other.id == tag.id) => {}
            Some(tag) => found.push(tag.clone()),
            None => wrong.add(field, format!("There is no tag “{}”. Write it as Set/Tag.", text.trim())),
        }
    }
    wrong.finish()?;
    Ok(found)
}

/// A choice of tenants by tags written as `Set/Tag`.
///
/// # Errors
/// As [`resolve`].
pub(in crate::company) fn choice(
    rows: &Rows<'_>,
    space: Id<Space>,
    field: &str,
    wanted: &[String],
    when_empty: Empty,
) -> Result<Choice> {
    let tags = resolve(rows, space, field, wanted)?.iter().map(|tag| (tag.set, tag.id)).collect();
    Ok(Choice { tenants: Vec::new(), tags, when_empty })
}

mod sql {
    use super::*;
    use rusqlite::Row;

    const SET: &str = "id, space_id, name, slug, description, sort_order";
    const TAG: &str = "g.id, g.tag_set_id, g.name, g.color, g.description, g.sort_order, s.name || '/' || g.name
                       FROM tags g JOIN tag_sets s ON s.id = g.tag_set_id";

    fn read(row: &Row<'_>) -> rusqlite::Result<TagSet> {
        Ok(TagSet {
            id: row.get(0)?,
            space: row.get(1)?,
            name: row.get(2)?,
            slug: row.get(3)?,
            description: row.get(4)?,
            sort_order: row.get(5)?,
            tags: Vec::new(),
        })
    }

    fn read_tag(row: &Row<'_>) -> rusqlite::Result<Tag> {
        Ok(Tag {
            id: row.get(0)?,
            set: row.get(1)?,
            name: row.get(2)?,
            color: row.get(3)?,
            description: row.get(4)?,
            sort_order: row.get(5)?,
            canonical: row.get(6)?,
        })
    }

    pub fn list(rows: &Rows<'_>, space: Id<Space>, filter: &Filter, page: Page) -> Result<Listed<TagSet>> {
        let wanted = Conditions::of("space_id = $", space.0)
            .named("name_key", &filter.partial_name)
            .among("id", filter.ids.as_deref());
        let mut listed = rows.page((SET, "FROM tag_sets", "sort_order, id"), &wanted, page, read)?;
        for set in &mut listed.items {
            set.tags = of_set(rows, set.id)?;
        }
        Ok(listed)
    }

    pub fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<TagSet> {
        let found = rows.one(&format!("SELECT {SET} FROM tag_sets WHERE id = ?1"), [id], read)?;
        let set = found.ok_or_else(|| Error::NotFound(id.to_string()))?;
        Ok(TagSet { tags: of_set(rows, id)?, ..set })
    }

    fn of_set(rows: &Rows<'_>, id: Id<Kind>) -> Result<Vec<Tag>> {
        rows.all(&format!("SELECT {TAG} WHERE s.id = ?1 ORDER BY g.sort_order, g.id"), [id], read_tag)
    }

    pub fn of_space(rows: &Rows<'_>, space: Id<Space>) -> Result<Vec<Tag>> {
        let sql = format!("SELECT {TAG} WHERE s.space_id = ?1 ORDER BY s.sort_order, s.id, g.sort_order, g.id");
        rows.all(&sql, [space], read_tag)
    }

    pub fn insert(tx: &Writing<'_>, space: Id<Space>, fields: &Fields) -> Result<Id<Kind>> {
        let id = tx.insert(
            "INSERT INTO tag_sets (space_id, name, name_key, slug, description, sort_order)
             VALUES (?1, ?2, ?3, ?4, ?5, COALESCE(?6, (SELECT COALESCE(max(sort_order), -1) + 1 FROM tag_sets WHERE space_id = ?1)))",
            (space, &fields.name, names::key(&fields.name), &fields.slug, &fields.description, fields.sort_order),
        )?;
        Ok(Id::new(id))
    }

    pub fn update(tx: &Writing<'_>, id: Id<Kind>, fields: &Fields) -> Result<()> {
        tx.run(
            "UPDATE tag_sets SET name = ?2, name_key = ?3, description = ?4, slug = ?5, sort_order = ?6 WHERE id = ?1",
            (id, &fields.name, names::key(&fields.name), &fields.description, &fields.slug, fields.sort_order),
        )?;
        Ok(())
    }

    /// Lets tags of a set exchange their names: no two keys collide on the way.
    pub fn set_names_aside(tx: &Writing<'_>, id: Id<Kind>) -> Result<()> {
        tx.run("UPDATE tags SET name_key = '/' || id WHERE tag_set_id = ?1", [id])?;
        Ok(())
    }

    pub fn insert_tag(tx: &Writing<'_>, set: Id<Kind>, place: i64, tag: &TagFields) -> Result<()> {
        tx.insert(
            "INSERT INTO tags (tag_set_id, name, name_key, color, description, sort_order) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (set, &tag.name, names::key(&tag.name), &tag.color, &tag.description, place),
        )?;
        Ok(())
    }

    pub fn update_tag(tx: &Writing<'_>, id: Id<TagKind>, place: i64, tag: &TagFields) -> Result<()> {
        tx.run(
            "UPDATE tags SET name = ?2, name_key = ?3, color = ?4, description = ?5, sort_order = ?6 WHERE id = ?1",
            (id, &tag.name, names::key(&tag.name), &tag.color, &tag.description, place),
        )?;
        Ok(())
    }

    /// Who uses a tag.
    pub fn users(rows: &Rows<'_>, tag: Id<TagKind>) -> Result<Vec<User>> {
        let mut users = rows.all(
            "SELECT 'tenant', t.id, t.name, '' FROM tenant_tags u JOIN tenants t ON t.id = u.tenant_id WHERE u.tag_id = ?1
             UNION ALL SELECT 'target', m.id, m.name, '' FROM target_tenant_tags u JOIN targets m ON m.id = u.target_id
               WHERE u.tag_id = ?1
             LIMIT 20",
            [tag],
            User::read,
        )?;
        users.extend(references::of_tag(rows, tag)?);
        Ok(users)
    }
}
