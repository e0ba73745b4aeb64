//! The same grants and the same questions put to Bulkhead's evaluator, to `cedar-policy` and to `casbin`: the time of one
//! decision, and that all three decide alike.
//!
//! Each question is asked several times on end; what is told is the median and the 99th percentile over the questions.
//! `SHORT=1` asks few of them, to show that everything still runs.

#[path = "../../sample.rs"]
mod sample;

use bulkhead::{
    base::clock::Moment,
    company::access::{
        permissions::{DeploymentCreate, Permission},
        policy::Check,
    },
};
use casbin::{CoreApi, DefaultModel, Enforcer, MemoryAdapter, MgmtApi, RbacApi};
use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request, RestrictedExpression};
use sample::{Question, Role, allowed, check, grants, refused, roles};
use std::{hint::black_box, time::Instant};

/// Of every question so many nanoseconds, and what was answered.
struct Asked {
    times: Vec<f64>,
    answers: Vec<bool>,
}

/// Puts every question `repeats` times.
fn ask<T>(questions: &[T], repeats: u32, decide: impl Fn(&T) -> bool) -> Asked {
    let one = |question: &T| {
        let begun = Instant::now();
        let mut answer = false;
        for _ in 0..repeats {
            answer = decide(black_box(question));
        }
        (begun.elapsed().as_nanos() as f64 / f64::from(repeats), answer)
    };
    let (times, answers) = questions.iter().map(one).unzip();
    Asked { times, answers }
}

fn rank(times: &[f64], part: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * part).round() as usize]
}

fn list(ids: &[i64]) -> String {
    ids.iter().map(i64::to_string).collect::<Vec<_>>().join(",")
}

/// One `permit` a scoped role, for the members of its team; the ids stand in sets, as Cedar's manual advises.
fn cedar(roles: &[Role], questions: &[Question], repeats: u32) -> Asked {
    let policy = |role: &Role| {
        format!(
            "permit(principal in Team::\"{}\", action == Action::\"DeploymentCreate\", resource) when {{ \
             [{}].contains(context.project) && [{}].contains(context.environment) && [{}].contains(context.tenant) }};\n",
            role.team,
            list(&role.projects),
            list(&role.environments),
            list(&role.tenants)
        )
    };
    let policies: PolicySet = roles.iter().map(policy).collect::<String>().parse().expect("policies");
    let teams: Vec<String> = (1..=20).map(|team| format!(r#"{{"type":"Team","id":"{team}"}}"#)).collect();
    let user = format!(r#"{{"uid":{{"type":"User","id":"ada"}},"attrs":{{}},"parents":[{}]}}"#, teams.join(","));
    let each_team: Vec<String> =
        teams.iter().map(|team| format!(r#"{{"uid":{team},"attrs":{{}},"parents":[]}}"#)).collect();
    let entities = format!("[{user},{}]", each_team.join(","));
    let entities = Entities::from_json_str(&entities, None).expect("entities");
    let uid = |text: &str| text.parse::<EntityUid>().expect("a name");
    let request = |(project, environment, tenant): &Question| {
        let pairs = [("project", project), ("environment", environment), ("tenant", tenant)];
        let context = Context::from_pairs(
            pairs.into_iter().map(|(name, id)| (name.to_owned(), RestrictedExpression::new_long(*id))),
        );
        let (who, what, place) = (r#"User::"ada""#, r#"Action::"DeploymentCreate""#, r#"Space::"1""#);
        Request::new(uid(who), uid(what), uid(place), context.expect("a context"), None).expect("a request")
    };
    let requests: Vec<Request> = questions.iter().map(request).collect();
    let authorizer = Authorizer::new();
    ask(&requests, repeats, |request| {
        authorizer.is_authorized(request, &policies, &entities).decision() == Decision::Allow
    })
}

const MODEL: &str = "
[request_definition]
r = sub, act, project, environment, tenant
[policy_definition]
p = sub, act, projects, environments, tenants
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g(r.sub, p.sub) && r.act == p.act && among(r.project, p.projects) && among(r.environment, p.environments) && among(r.tenant, p.tenants)
";

/// One policy a scoped role; whether an id is in a list is a function of ours, since one policy for every combination
/// would be a hundred thousand of them.
async fn casbin_enforcer(roles: &[Role]) -> Enforcer {
    let model = DefaultModel::from_str(MODEL).await.expect("a model");
    let mut enforcer = Enforcer::new(model, MemoryAdapter::default()).await.expect("an enforcer");
    enforcer.add_function(
        "among",
        casbin::function_map::OperatorFunction::Arg2(|id, list| {
            let text = |value: casbin::rhai::Dynamic| value.into_string().unwrap_or_default();
            let (id, list) = (text(id), text(list));
            list.split(',').any(|one| one == id).into()
        }),
    );
    for role in roles {
        let policy = vec![
            format!("team{}", role.team),
            "DeploymentCreate".to_owned(),
            list(&role.projects),
            list(&role.environments),
            list(&role.tenants),
        ];
        enforcer.add_policy(policy).await.expect("a policy");
    }
    for team in 1..=20 {
        enforcer.add_role_for_user("ada", &format!("team{team}"), None).await.expect("a membership");
    }
    enforcer
}

fn main() {
    let short = std::env::var_os("SHORT").is_some();
    let roles = roles();
    let count = if short { 8 } else { 256 };
    let mut questions: Vec<Question> = allowed(&roles).into_iter().take(count).collect();
    questions.extend(refused().into_iter().take(count));

    let grants = grants(&roles);
    let checks: Vec<Check> = questions.iter().copied().map(check).collect();
    let decide = |check: &Check| grants.allows(DeploymentCreate::INFO, check, || Moment(0)).is_some();
    ask(&checks, 1000, decide);
    let own = ask(&checks, 1000, decide);
    let cedar = cedar(&roles, &questions, 3);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let enforcer = runtime.block_on(casbin_enforcer(&roles));
    let casbin = ask(&questions, 1, |(project, environment, tenant)| {
        let (project, environment, tenant) = (project.to_string(), environment.to_string(), tenant.to_string());
        enforcer.enforce(("ada", "DeploymentCreate", project, environment, tenant)).expect("a decision")
    });

    assert!(own.answers.iter().any(|yes| *yes) && own.answers.iter().any(|yes| !*yes), "both answers occur");
    assert_eq!(own.answers, cedar.answers, "Cedar decides alike");
    assert_eq!(own.answers, casbin.answers, "casbin decides alike");

    let base = rank(&own.times, 0.5);
    for (name, asked) in [("Bulkhead", &own), ("cedar-policy", &cedar), ("casbin", &casbin)] {
        let (half, slow) = (rank(&asked.times, 0.5), rank(&asked.times, 0.99));
        let beside = if name == "Bulkhead" {
            "aim < 100 ns".to_owned()
        } else {
            format!("{:.0} times Bulkhead's (aim ≥ 1,000)", half / base)
        };
        println!("| a decision, {name} | half within {half:.0} ns, 99 % within {slow:.0} ns | {beside} |");
    }
}
