//! The grants and the questions of the benchmarks: a user with 20 teams and 40 scoped roles, among 1,000 projects, 8
//! environments and 1,000 tenants. The same in every run.

use bulkhead::company::access::{
    permissions::{DeploymentCreate, Permission},
    policy::{Check, Grant, Grants, Ids, Limit},
};

pub const QUESTIONS: usize = 1024;
const SPACE: i64 = 1;

/// Numbers that look random and are the same in every run.
struct Dice(u64);
impl Dice {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as i64 + 1
    }
    fn some(&mut self, count: usize, bound: i64) -> Vec<i64> {
        (0..count).map(|_| self.below(bound)).collect()
    }
}

/// One scoped role as lists of ids.
pub struct Role {
    pub team: i64,
    role: i64,
    pub projects: Vec<i64>,
    pub environments: Vec<i64>,
    pub tenants: Vec<i64>,
}

/// Forty roles on twenty teams: each for 25 of the projects, 2 of 8 environments and 50 of the tenants.
pub fn roles() -> Vec<Role> {
    let mut dice = Dice(0x2545_F491_4F6C_DD1D);
    let role = |n: i64, dice: &mut Dice| Role {
        team: n / 2 + 1,
        role: n + 1,
        projects: dice.some(25, 1000),
        environments: dice.some(2, 8),
        tenants: dice.some(50, 1000),
    };
    (0..40).map(|n| role(n, &mut dice)).collect()
}

pub fn grants(roles: &[Role]) -> Grants {
    let grant = |r: &Role| Grant {
        team: r.team,
        role: r.role,
        space: Some(SPACE),
        groups: Limit::All,
        projects: Limit::to(&r.projects),
        environments: Limit::to(&r.environments),
        tenants: Limit::to(&r.tenants),
        runbooks: Limit::All,
        until: None,
        within: None,
    };
    // A deployer's role carries some dozen permissions; all are there so that the tables have their real size.
    let key = DeploymentCreate::INFO.key;
    Grants::new(roles.iter().map(|r| (grant(r), (key..key + 12).collect())).collect())
}

pub type Question = (i64, i64, i64);

pub fn check((project, environment, tenant): Question) -> Check {
    let mut check = Check::new(true);
    check.space = Some(SPACE);
    check.groups = Ids::One(project % 20 + 1);
    check.projects = Ids::One(project);
    check.environments = Ids::One(environment);
    check.tenants = Ids::One(tenant);
    check
}

/// Questions that some role allows, spread over all forty.
pub fn allowed(roles: &[Role]) -> Vec<Question> {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let mut pick = |list: &[i64]| list[(dice.below(list.len() as i64) - 1) as usize];
    let mut question = |r: &Role| (pick(&r.projects), pick(&r.environments), pick(&r.tenants));
    (0..QUESTIONS).map(|n| question(&roles[n * 7 % roles.len()])).collect()
}

/// Questions about anything, of which next to none is allowed: every role has to be looked at.
pub fn refused() -> Vec<Question> {
    let mut dice = Dice(0xD1B5_4A32_D192_ED03);
    (0..QUESTIONS).map(|_| (dice.below(1000), dice.below(8), dice.below(1000))).collect()
}
