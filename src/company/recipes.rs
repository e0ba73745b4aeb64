//! The recipes of the trade as starting points: teams with the roles that an account manager, an infrastructure manager, a
//! department, onlookers or a small company need. One table; each is made in one change by what the other features make
//! teams, roles and spaces with, and can be changed afterwards like anything made by hand.

use super::{
    access::{
        At, Event, Gifts, Granted, Level, Visitor, Writing,
        permissions::{List, SpaceCreate, TeamCreate, TeamEdit, UserRoleEdit},
        policy::Dimension,
    },
    spaces,
    teams::{self, OwnRole, ScopedFields, Team},
};
use crate::base::{
    error::{Error, Result},
    ids::{Id, Space, Team as TeamKind},
};

/// A role of a recipe.
#[derive(Debug, Clone, Copy)]
pub enum RecipeRole {
    /// One that every company has, by what it is called for good.
    Builtin(&'static str),
    /// One that is made where it is missing.
    Own(&'static OwnRole),
}

/// A team of a recipe.
#[derive(Debug)]
pub struct RecipeTeam {
    /// Its name, unless another is chosen; empty: the company's administrators.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// What it holds.
    pub roles: &'static [RecipeRole],
}

/// A starting point.
#[derive(Debug)]
pub struct Recipe {
    /// Its word in addresses.
    pub key: &'static str,
    /// What it is called.
    pub name: &'static str,
    /// When to use it, and what comes of it.
    pub explanation: &'static str,
    /// The teams it makes.
    pub teams: &'static [RecipeTeam],
    /// To what its roles can be limited.
    pub limits: &'static [Dimension],
    /// The limit without which it makes no sense.
    pub needs: Option<Dimension>,
    /// It makes a space of its own, and its teams in that.
    pub makes_space: bool,
}

/// What lets somebody deploy on behalf of tenants: see them, their releases and what runs where, deploy, and look after
/// the tenants themselves.
pub static TENANT_PROJECT_DEPLOYER: OwnRole = OwnRole {
    name: "Tenant project deployer",
    description: "Deploys releases for tenants and looks after those tenants. Give it limited to tenants.",
    system: &[],
    space: &[
        "AccountView",
        "ArtifactView",
        "DeploymentCreate",
        "DeploymentView",
        "EnvironmentView",
        "EventView",
        "FeedView",
        "InterruptionView",
        "InterruptionViewSubmitResponsible",
        "LibraryVariableSetView",
        "LifecycleView",
        "MachinePolicyView",
        "MachineView",
        "ProcessView",
        "ProjectGroupView",
        "ProjectView",
        "ReleaseView",
        "TaskCancel",
        "TaskCreate",
        "TaskView",
        "TeamView",
        "TenantEdit",
        "TenantView",
        "VariableView",
        "VariableViewUnscoped",
    ],
};

/// What lets somebody see tenants, and nothing else.
pub static TENANT_VIEWER: OwnRole =
    OwnRole { name: "Tenant viewer", description: "Sees tenants and their tags.", system: &[], space: &["TenantView"] };

/// "Give this customer access": the role of a tenant's own people, limited to that tenant. Their team is made from the
/// tenant's page (`company/tenants/selfservice.rs`), because it is the tenant's.
pub static SELF_SERVICE: RecipeRole = RecipeRole::Builtin("tenantself-service");

const DEVELOPERS: RecipeTeam = RecipeTeam {
    name: "Developers",
    description: "Make releases and deploy them.",
    roles: &[RecipeRole::Builtin("projectlead"), RecipeRole::Builtin("projectdeployer")],
};
const VIEWERS: RecipeTeam = RecipeTeam {
    name: "Viewers",
    description: "Look on, without changing anything.",
    roles: &[RecipeRole::Builtin("spaceviewer")],
};

/// All of them, in the order in which they are offered.
pub static RECIPES: &[Recipe] = &[
    Recipe {
        key: "small-company",
        name: "Groups for a small company",
        explanation: "Three groups are enough for a start: Administrators look after everything, Developers make releases \
                      and deploy them, Viewers look on. Administrators are there already and get the whole space.",
        teams: &[
            RecipeTeam { name: "", description: "", roles: &[RecipeRole::Builtin("spacemanager")] },
            DEVELOPERS,
            VIEWERS,
        ],
        limits: &[],
        needs: None,
        makes_space: false,
    },
    Recipe {
        key: "account-manager",
        name: "Account managers",
        explanation: "Somebody who looks after some customers deploys on their behalf: for those tenants and no other, \
                      in every environment and project that you do not leave out.",
        teams: &[RecipeTeam {
            name: "Account managers",
            description: "Deploy on behalf of their tenants.",
            roles: &[RecipeRole::Own(&TENANT_PROJECT_DEPLOYER)],
        }],
        limits: &[Dimension::Project, Dimension::Environment, Dimension::Tenant],
        needs: Some(Dimension::Tenant),
        makes_space: false,
    },
    Recipe {
        key: "infrastructure-manager",
        name: "Infrastructure managers",
        explanation: "Somebody who looks after machines, accounts and environments, and has to see which tenants there are \
                      to place them. They neither see projects nor deploy.",
        teams: &[RecipeTeam {
            name: "Infrastructure managers",
            description: "Look after environments, machines and accounts.",
            roles: &[RecipeRole::Builtin("environmentmanager"), RecipeRole::Own(&TENANT_VIEWER)],
        }],
        limits: &[Dimension::Environment, Dimension::Tenant],
        needs: None,
        makes_space: false,
    },
    Recipe {
        key: "department",
        name: "A department as a space",
        explanation: "A department with projects, machines and people of its own gets a space of its own: nothing in it is \
                      seen from another space. You become its manager; two teams begin in it.",
        teams: &[DEVELOPERS, VIEWERS],
        limits: &[],
        needs: None,
        makes_space: true,
    },
    Recipe {
        key: "viewers",
        name: "Read-only viewers",
        explanation: "People who have to see what runs where, such as support or auditors, and change nothing. Limited to \
                      projects, environments or tenants if you like.",
        teams: &[RecipeTeam {
            name: "Viewers",
            description: "Look on, without changing anything.",
            roles: &[RecipeRole::Builtin("spaceviewer")],
        }],
        limits: &[Dimension::Group, Dimension::Project, Dimension::Environment, Dimension::Tenant, Dimension::Runbook],
        needs: None,
        makes_space: false,
    },
];

/// The recipe of this word.
///
/// # Errors
/// `NotFound` when there is none.
pub fn named(key: &str) -> Result<&'static Recipe> {
    RECIPES.iter().find(|recipe| recipe.key == key).ok_or_else(|| Error::NotFound(key.to_owned()))
}

/// The name of a built-in role, by what it is called for good.
pub fn name_of(builtin: &str) -> &'static str {
    let same = |name: &&str| name.to_lowercase().split(' ').collect::<String>() == builtin;
    super::access::builtin::roles().map(|(name, _, _)| name).find(same).unwrap_or_default()
}

impl Recipe {
    /// Whether its one team can be called otherwise.
    pub fn is_one_team(&self) -> bool {
        self.teams.len() == 1
    }
}

/// What a person gives.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// The name of the team where there is one only, or of the space that is made. Empty: as the recipe has it; a space
    /// needs one.
    pub name: String,
    /// The space that the roles hold in; a recipe that makes a space needs none.
    pub space: Option<Id<Space>>,
    /// The limits of its roles; its own role and space are those of the recipe.
    pub limits: ScopedFields,
}

/// The rights it takes to start from a recipe.
pub struct Starting<'v> {
    recipe: &'static Recipe,
    teams: Granted<'v, TeamCreate>,
    space: Option<At<Space>>,
    _roles: Granted<'v, List<TeamEdit>>,
    own_roles: Option<Granted<'v, UserRoleEdit>>,
    new_space: Option<Granted<'v, SpaceCreate>>,
}

impl<'v> Starting<'v> {
    /// Asks for all that a recipe takes: teams to be made and given roles, roles to be made where they are missing, a space
    /// to be made. Who may not make teams of the whole company makes them in the space.
    ///
    /// # Errors
    /// `Denied` with what is lacking; `NotFound` for a space that the visitor may not enter.
    pub fn ask(visitor: &'v Visitor, recipe: &'static Recipe, space: Option<&At<Space>>) -> Result<Starting<'v>> {
        let outside = visitor.may(TeamCreate { level: Level::System }) && visitor.may(List::<TeamEdit>::system());
        let level = match space.filter(|_| !outside && !recipe.makes_space) {
            Some(space) if visitor.may(TeamCreate { level: Level::Space(space.clone()) }) => {
                Level::Space(space.clone())
            }
            _ => Level::System,
        };
        let teams = visitor.ask(TeamCreate { level: level.clone() })?;
        let roles = match &level {
            Level::System => visitor.ask(List::<TeamEdit>::system())?,
            Level::Space(space) => visitor.ask(List::<TeamEdit>::of(space))?,
        };
        let lacks = teams_lack_role(&teams, recipe)?;
        let own_roles = if lacks { Some(visitor.ask(UserRoleEdit {})?) } else { None };
        let new_space = if recipe.makes_space { Some(visitor.ask(SpaceCreate {})?) } else { None };
        Ok(Starting { recipe, teams, space: space.cloned(), _roles: roles, own_roles, new_space })
    }
}

fn own_roles_of(recipe: &Recipe) -> impl Iterator<Item = &'static OwnRole> {
    recipe.teams.iter().flat_map(|team| team.roles).filter_map(|role| match role {
        RecipeRole::Own(own) => Some(*own),
        RecipeRole::Builtin(_) => None,
    })
}

fn teams_lack_role(granted: &Granted<'_, TeamCreate>, recipe: &Recipe) -> Result<bool> {
    granted.read(|rows| {
        for own in own_roles_of(recipe) {
            if teams::role_named(rows, own.name)?.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    })
}

/// What came of a recipe.
#[derive(Debug)]
pub struct Started {
    /// The teams that were made.
    pub teams: Vec<Team>,
    /// The space that was made.
    pub space: Option<spaces::Space>,
}

/// Starts from a recipe: the roles that are missing, the space, the teams and their roles, in one change.
///
/// # Errors
/// `Invalid` for names that are taken and limits that are missing or not of the space; `Denied` for what the visitor does
/// not hold; `ProofNeeded`.
pub fn start(starting: &Starting<'_>, fields: &Fields) -> Result<Started> {
    let (recipe, granted) = (starting.recipe, &starting.teams);
    granted.fresh()?;
    let visitor = granted.visitor();
    let space = match (recipe.makes_space, &starting.space) {
        (true, _) => None,
        (false, Some(space)) => Some(space.id()),
        (false, None) => return Err(Error::invalid("SpaceId", "Choose the space in which the roles hold.")),
    };
    let limits = limits_of(recipe, fields)?;
    if let Some(space) = space {
        granted.read(|rows| teams::limits_fit(rows, space, &limits))?;
    }
    let given = |rows: &super::access::Rows<'_>| -> Result<Gifts> {
        let mut all = if recipe.makes_space { teams::gifts_of_managers(rows, None)? } else { Gifts::default() };
        for role in recipe.teams.iter().flat_map(|team| team.roles) {
            all = all.and(teams::gifts_of_role(rows, &spec(role), space, &limits)?);
        }
        Ok(all)
    };
    let gifts = granted.read(given)?;
    visitor.ask_to_give(&gifts)?;
    granted.write(|tx| {
        if given(tx)? != gifts || (starting.own_roles.is_none() && lacks(tx, recipe)?) {
            return Err(Error::Conflict("Somebody changed a role meanwhile. Look again and repeat it.".into()));
        }
        let made = match &starting.new_space {
            Some(_) => {
                let managers = spaces::Managers { people: visitor.user().into_iter().collect(), teams: Vec::new() };
                let name = fields.name.clone();
                let (made, event) =
                    spaces::make(tx, &spaces::Fields { name, managers: Some(managers), ..spaces::Fields::default() })?;
                tx.also(event)?;
                Some(made)
            }
            None => None,
        };
        let place = made.as_ref().map(|space| space.id).or(space);
        // The teams of a department live in its space; any others at the level that was granted.
        let level = made.as_ref().map(|space| space.id).or(match &granted.what().level {
            Level::System => None,
            Level::Space(space) => Some(space.id()),
        });
        let mut all = Vec::new();
        for one in recipe.teams {
            let team = if one.name.is_empty() {
                teams::administrators(tx)?
            } else {
                let other = recipe.is_one_team() && !fields.name.trim().is_empty();
                let name = if other { fields.name.as_str() } else { one.name };
                let team = teams::make(tx, level, name, one.description)?;
                all.push(team.id);
                team.id
            };
            for role in one.roles {
                let role = teams::ensure_role(tx, &spec(role))?;
                teams::give(tx, team, role, place, &limits)?;
            }
        }
        tx.access_changed()?;
        let teams = all.into_iter().map(|id: Id<TeamKind>| teams::by_id(tx, id)).collect::<Result<Vec<Team>>>()?;
        let mut event = Event::new("Created").say("Started from the recipe ").say(recipe.name);
        for team in &teams {
            event = event.related(team.id);
        }
        tx.record(event.space(place.map_or(0, |space| space.0)), Started { teams, space: made })
    })
}

fn lacks(tx: &Writing<'_>, recipe: &Recipe) -> Result<bool> {
    for own in own_roles_of(recipe) {
        if teams::role_named(tx, own.name)?.is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How teams find it, or make it.
pub(in crate::company) fn spec(role: &RecipeRole) -> teams::RoleSpec {
    match role {
        RecipeRole::Builtin(builtin) => teams::RoleSpec::Builtin(builtin),
        RecipeRole::Own(own) => teams::RoleSpec::Own(own),
    }
}

/// The limits of the fields, as far as the recipe has them.
fn limits_of(recipe: &Recipe, fields: &Fields) -> Result<teams::Scope<i64>> {
    let all = fields.limits.scope();
    let mut limits = teams::Scope::default();
    for dimension in Dimension::ALL {
        if recipe.limits.contains(&dimension) {
            *limits.of_mut(dimension) = all.of(dimension).clone();
        } else if !all.of(dimension).is_empty() {
            return Err(Error::invalid(teams::wire(dimension), "This recipe is not limited to these. Leave them out."));
        }
    }
    if let Some(needed) = recipe.needs.filter(|needed| limits.of(*needed).is_empty()) {
        return Err(Error::invalid(teams::wire(needed), "Choose at least one: the recipe is for these and no other."));
    }
    Ok(limits)
}

#[cfg(test)]
mod tests;
