//! The catalogue: each permission is a struct whose fields are what it is asked about. What is not here cannot be
//! allowed to anybody.
//!
//! A line says whether it is for looking (`view`) or changing (`change`), its level (`access-rules §2`), its name, what
//! it is asked about, the scope dimensions it honours, and what it allows in words. `explicit`: a role scoped to
//! tenants gives it for those tenants only and never for untenanted work (`access-rules §3`).

mod places;

pub use places::{After, Anywhere, InNewProject, Inside, List};

use super::{
    locate::{At, New},
    policy::{Check, Dimension},
    sight::{Level, Part, RunbookPart, Sight, TeamPart},
};
use crate::base::ids::*;

/// Where a permission is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Once for the whole company.
    System,
    /// In one space.
    Space,
    /// Under one name at either level, each apart.
    Both,
    /// Once for the appliance: held and honoured in the operator's own compartment only.
    Appliance,
    /// By the server's own actors; never in a role.
    Server,
    /// By whoever holds anything in the space; never in a role.
    Anyone,
}

/// What the catalogue knows of one permission.
#[derive(Debug)]
pub struct Info {
    /// Its number in this program; not stored anywhere.
    pub key: usize,
    /// Its name in the database and on the wire.
    pub name: &'static str,
    /// Where it is held.
    pub held: Held,
    /// Whether it allows a change.
    pub change: bool,
    /// Honours a scope to project groups.
    pub groups: bool,
    /// Honours a scope to projects (and to groups, as one dimension with them).
    pub projects: bool,
    /// Honours a scope to environments.
    pub environments: bool,
    /// Honours a scope to tenants.
    pub tenants: bool,
    /// Honours a scope to runbooks.
    pub runbooks: bool,
    /// Scoped to tenants, it does not cover untenanted work.
    pub explicit: bool,
    /// What it allows, in words.
    pub meaning: &'static str,
}

impl Info {
    /// Whether a role may hold it at system level.
    pub fn at_system(&self) -> bool {
        matches!(self.held, Held::System | Held::Both | Held::Appliance)
    }
    /// Whether what it allows adds to what lies on the disk: refused while the company's room there is used up.
    pub fn adds(&self) -> bool {
        self.held != Held::Appliance && ["Create", "Push"].iter().any(|end| self.name.ends_with(end))
    }
    /// Whether it changes what is there without taking anything away: refused while the disk has next to nothing left.
    pub fn alters(&self) -> bool {
        let takes = ["Delete", "Cancel"].iter().any(|end| self.name.ends_with(end));
        self.change && !takes && !matches!(self.held, Held::Appliance | Held::Server)
    }
    /// Whether a role may hold it in a space.
    pub fn in_space(&self) -> bool {
        matches!(self.held, Held::Space | Held::Both)
    }
}

/// A question to the door: may the visitor do this, here?
pub trait Permission {
    /// Its line in the catalogue.
    const INFO: &'static Info;
    /// What the decision looks at.
    fn check(&self) -> Check;
    /// What the visitor must be able to see for a refusal to be told at all.
    fn sights(&self) -> Vec<Sight>;
}

/// A permission that allows a change; only its proof can write. `proving` says for each what its changes ask beside it.
pub trait Change: Permission {
    /// Whether its changes need a fresh proof of who asks.
    type Proof: super::proving::Asked;
}

/// A permission over the appliance's companies, honoured in the operator's own compartment only.
pub trait OfAppliance: Permission {}

macro_rules! permissions {
    ($($(#[$doc:meta])* $kind:ident $held:ident $name:ident { $($field:ident : $type:ty),* } [$($flag:ident)*] $meaning:literal;)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        #[repr(usize)]
        enum Number { $($name),* }

        /// Every permission, in the order of the catalogue.
        pub static CATALOGUE: &[&Info] = &[$($name::INFO_OF),*];

        $(
            $(#[$doc])*
            #[doc = $meaning]
            #[derive(Clone)]
            pub struct $name { $(#[doc = "What it is asked about."] pub $field: $type),* }

            impl $name {
                const INFO_OF: &'static Info = &Info {
                    key: Number::$name as usize,
                    name: stringify!($name),
                    held: permissions!(@held $held),
                    change: permissions!(@change $kind),
                    groups: permissions!(@has groups [$($flag)*]),
                    projects: permissions!(@has projects [$($flag)*]),
                    environments: permissions!(@has environments [$($flag)*]),
                    tenants: permissions!(@has tenants [$($flag)*]),
                    runbooks: permissions!(@has runbooks [$($flag)*]),
                    explicit: permissions!(@has explicit [$($flag)*]),
                    meaning: $meaning,
                };
            }
            impl Permission for $name {
                const INFO: &'static Info = Self::INFO_OF;
                #[allow(unused_mut)]
                fn check(&self) -> Check {
                    let mut check = Check::new(Self::INFO.change);
                    $(self.$field.lay(&mut check);)*
                    check
                }
                #[allow(unused_mut)]
                fn sights(&self) -> Vec<Sight> {
                    let mut out = Vec::new();
                    $(self.$field.sights(&mut out);)*
                    out
                }
            }
        )*
    };
    (@held system) => { Held::System };
    (@held space) => { Held::Space };
    (@held both) => { Held::Both };
    (@held appliance) => { Held::Appliance };
    (@held server) => { Held::Server };
    (@change view) => { false };
    (@change change) => { true };
    (@has groups [groups $($rest:ident)*]) => { true };
    (@has projects [projects $($rest:ident)*]) => { true };
    (@has environments [environments $($rest:ident)*]) => { true };
    (@has tenants [tenants $($rest:ident)*]) => { true };
    (@has runbooks [runbooks $($rest:ident)*]) => { true };
    (@has explicit [explicit $($rest:ident)*]) => { true };
    (@has $what:ident [$other:ident $($rest:ident)*]) => { permissions!(@has $what [$($rest)*]) };
    (@has $what:ident []) => { false };
}

permissions! {
    change space AccountCreate { space: At<Space>, environments: Vec<At<Environment>> } [environments] "Add accounts";
    change space AccountDelete { account: At<Account> } [environments] "Remove accounts";
    change space AccountEdit { account: At<Account> } [environments] "Change accounts";
    view space AccountView { account: At<Account> } [environments] "See accounts (never their secrets)";
    change space ActionTemplateCreate { space: At<Space> } [] "Add step templates";
    change space ActionTemplateDelete { space: At<Space> } [] "Remove step templates";
    change space ActionTemplateEdit { space: At<Space> } [] "Change step templates";
    view space ActionTemplateView { space: At<Space> } [] "See step templates";
    change system AdministerSystem {} [] "Full server administration: hosting, public URL, nodes, maintenance mode, diagnostics";
    view space AiAgentTranscriptView { project: At<Project>, environment: At<Environment>, tenant: Option<At<Tenant>> } [projects environments tenants explicit] "See transcripts of AI agent steps";
    change space ApprovalPolicyAdminister { space: At<Space> } [] "Create, change and delete approval policies";
    change space ArtifactCreate { project: At<Project>, environment: At<Environment>, tenant: Option<At<Tenant>> } [projects environments tenants explicit] "Attach artifacts by hand";
    change space ArtifactDelete { project: At<Project>, environment: At<Environment>, tenant: Option<At<Tenant>> } [projects environments tenants explicit] "Delete artifacts";
    change space ArtifactEdit { project: At<Project>, environment: At<Environment>, tenant: Option<At<Tenant>> } [projects environments tenants explicit] "Change an artifact's details";
    view space ArtifactView { project: At<Project>, environment: At<Environment>, tenant: Option<At<Tenant>> } [projects environments tenants explicit] "See and download artifacts";
    change space BuildInformationAdminister { space: At<Space> } [] "Overwrite or delete build information";
    change space BuildInformationPush { space: At<Space> } [] "Attach build information to a package version";
    change space BuiltInFeedAdminister { project: At<Project> } [projects] "Overwrite or delete packages in the built-in repository";
    view space BuiltInFeedDownload { project: At<Project> } [projects] "Download packages from the built-in repository";
    change space BuiltInFeedPush { project: At<Project> } [projects] "Upload new packages to the built-in repository";
    change space CertificateCreate { space: At<Space> } [] "Upload certificates";
    change space CertificateDelete { space: At<Space>, environments: Vec<At<Environment>>, tenants: Vec<At<Tenant>> } [environments tenants] "Remove certificates";
    change space CertificateEdit { space: At<Space>, environments: Vec<At<Environment>>, tenants: Vec<At<Tenant>> } [environments tenants] "Change, replace or archive certificates";
    change space CertificateExportPrivateKey { space: At<Space>, environments: Vec<At<Environment>>, tenants: Vec<At<Tenant>> } [environments tenants] "Download a certificate with its private key (audited)";
    view space CertificateView { space: At<Space>, environments: Vec<At<Environment>>, tenants: Vec<At<Tenant>> } [environments tenants] "See certificates (never the private key)";
    change system ConfigureServer {} [] "Server settings below full administration: sign-in providers, SMTP, security headers";
    change space DefectReport { release: At<Release> } [projects] "Block a release from moving to later lifecycle phases";
    change space DefectResolve { release: At<Release> } [projects] "Lift such a block";
    change space DeployedResourceAdminister { project: At<Project>, environment: At<Environment>, tenant: Option<At<Tenant>> } [projects environments tenants explicit] "Act on deployed resources the server watches (for example live Kubernetes objects)";
    change space DeploymentCreate { project: At<Project>, environment: At<Environment>, tenant: Option<At<Tenant>> } [projects environments tenants explicit] "Deploy (or redeploy) a release to an environment, for a tenant or without one";
    change space DeploymentDelete { deployment: At<Deployment> } [projects environments tenants explicit] "Delete a deployment record";
    change system DeploymentFreezeAdminister {} [] "Create, change, delete and override deployment freezes";
    view space DeploymentView { deployment: At<Deployment> } [projects environments tenants explicit] "See deployments";
    change space EnvironmentCreate { space: New<Environment> } [environments] "Add environments";
    change space EnvironmentDelete { environment: At<Environment> } [environments] "Remove environments";
    change space EnvironmentEdit { environment: At<Environment> } [environments] "Change environments (including their order)";
    view space EnvironmentView { environment: At<Environment> } [environments] "See environments";
    change system EventRetentionDelete {} [] "Delete archived audit files";
    view system EventRetentionView {} [] "List and download archived audit files";
    view both EventView { level: Level } [projects environments tenants runbooks explicit] "Read audit events (system level: events outside any space)";
    change space FeatureToggleEdit { space: At<Space> } [] "Create, change and delete feature toggles";
    change space FeedEdit { space: At<Space> } [] "Add, change and remove feeds";
    view space FeedView { space: At<Space> } [] "See package feeds and search the packages in them";
    change space GitCredentialEdit { space: At<Space> } [] "Add, change and remove Git credentials";
    view space GitCredentialView { space: At<Space> } [] "See Git credentials (never their secrets)";
    change space InsightsReportCreate { space: At<Space> } [] "Add Insights reports";
    change space InsightsReportDelete { space: At<Space> } [] "Remove Insights reports";
    change space InsightsReportEdit { space: At<Space> } [] "Change Insights reports";
    view space InsightsReportView { space: At<Space> } [] "See Insights reports";
    change space InterruptionSubmit { project: At<Project>, environment: At<Environment>, tenant: Option<At<Tenant>> } [projects environments tenants explicit] "Take responsibility for and answer any interruption";
    view space InterruptionView { project: At<Project>, environment: At<Environment>, tenant: Option<At<Tenant>> } [projects environments tenants explicit] "See manual interventions and guided-failure prompts";
    change space InterruptionViewSubmitResponsible { project: At<Project>, environment: At<Environment>, tenant: Option<At<Tenant>> } [projects environments tenants explicit] "See, take and answer an interruption only as a member of one of its responsible teams";
    change space LibraryVariableSetCreate { space: At<Space> } [] "Add library variable sets";
    change space LibraryVariableSetDelete { space: At<Space> } [] "Remove library variable sets";
    change space LibraryVariableSetEdit { space: At<Space> } [] "Change library variable sets";
    view space LibraryVariableSetView { space: At<Space> } [] "See library variable sets";
    change space LifecycleCreate { space: At<Space> } [] "Add lifecycles";
    change space LifecycleDelete { lifecycle: At<Lifecycle> } [] "Remove lifecycles";
    change space LifecycleEdit { lifecycle: At<Lifecycle> } [] "Change lifecycles";
    view space LifecycleView { lifecycle: At<Lifecycle> } [] "See lifecycles";
    change space MachineCreate { space: At<Space>, environments: Vec<At<Environment>>, tenants: Vec<At<Tenant>> } [environments tenants] "Register deployment targets";
    change space MachineDelete { target: At<Target> } [environments tenants] "Remove deployment targets";
    change space MachineEdit { target: At<Target> } [environments tenants] "Change deployment targets";
    change space MachinePolicyCreate { space: At<Space> } [] "Add machine policies";
    change space MachinePolicyDelete { space: At<Space> } [] "Remove machine policies";
    change space MachinePolicyEdit { space: At<Space> } [] "Change machine policies";
    view space MachinePolicyView { space: At<Space> } [] "See machine policies";
    view space MachineView { target: At<Target> } [environments tenants] "See deployment targets";
    change system PlatformHubEdit {} [] "Change Platform Hub resources";
    view system PlatformHubView {} [] "See Platform Hub resources";
    change space ProcessEdit { project: At<Project> } [projects] "Change a project's deployment process and its channels";
    view space ProcessView { project: At<Project> } [projects] "Read a project's deployment process and its channels";
    change space ProjectCreate { group: At<ProjectGroup> } [groups] "Add a project (to a project group)";
    change space ProjectDelete { project: At<Project> } [projects tenants] "Remove a project";
    change space ProjectEdit { project: At<Project> } [projects tenants] "Change a project's settings";
    change space ProjectGroupCreate { space: New<ProjectGroup> } [groups] "Add project groups";
    change space ProjectGroupDelete { group: At<ProjectGroup> } [groups] "Remove project groups";
    change space ProjectGroupEdit { group: At<ProjectGroup> } [groups] "Change project groups";
    view space ProjectGroupView { group: At<ProjectGroup> } [groups] "See project groups";
    view space ProjectView { project: At<Project> } [projects tenants] "See a project and its settings";
    change space ProxyCreate { space: At<Space> } [] "Add proxies";
    change space ProxyDelete { space: At<Space> } [] "Remove proxies";
    change space ProxyEdit { space: At<Space> } [] "Change proxies";
    view space ProxyView { space: At<Space> } [] "See proxies";
    change space ReleaseCreate { project: At<Project> } [projects tenants] "Create a release of a project";
    change space ReleaseDelete { release: At<Release> } [projects tenants] "Delete a release";
    change space ReleaseEdit { release: At<Release> } [projects tenants] "Change a release (notes, packages, variable snapshot)";
    view space ReleaseView { release: At<Release> } [projects tenants] "See a project's releases";
    change space RetentionAdminister { space: At<Space> } [] "Change retention policies of a space";
    change space RunbookEdit { runbook: RunbookPart } [projects runbooks] "Create, change, publish and delete runbooks";
    change space RunbookRunCreate { runbook: At<Runbook>, environment: At<Environment>, tenant: Option<At<Tenant>> } [projects environments tenants runbooks explicit] "Run a runbook in an environment, for a tenant or without one";
    change space RunbookRunDelete { run: At<RunbookRun> } [projects environments tenants runbooks explicit] "Delete runbook run records";
    view space RunbookRunView { run: At<RunbookRun> } [projects environments tenants runbooks explicit] "See runbook runs";
    change space RunbookSnapshotCreate { runbook: At<Runbook> } [projects runbooks] "Take a runbook snapshot";
    view space RunbookView { runbook: At<Runbook> } [projects runbooks] "See runbooks, their processes, snapshots";
    change system SpaceCreate {} [] "Create spaces";
    change system SpaceDelete { space: At<Space> } [] "Delete spaces";
    change system SpaceEdit { space: At<Space> } [] "Change spaces";
    view system SpaceView {} [] "See spaces in the space list";
    change system SshKnownHostsAdminister {} [] "Add, change and remove SSH known hosts";
    view system SshKnownHostsView {} [] "See SSH known hosts";
    change space SubscriptionCreate { space: At<Space> } [] "Add event subscriptions";
    change space SubscriptionDelete { space: At<Space> } [] "Remove event subscriptions";
    change space SubscriptionEdit { space: At<Space> } [] "Change event subscriptions";
    view space SubscriptionView { space: At<Space> } [] "See event subscriptions";
    change space TagSetCreate { space: At<Space> } [] "Add tag sets";
    change space TagSetDelete { tag_set: At<TagSet> } [] "Remove tag sets";
    change space TagSetEdit { tag_set: At<TagSet> } [] "Change tag sets and their tags";
    change space TargetTagAdminister { space: At<Space> } [] "Create, change and delete target tags";
    view space TargetTagView { space: At<Space> } [] "See target tags (formerly roles)";
    change both TaskCancel { task: At<Task> } [projects environments tenants runbooks explicit] "Cancel queued or running tasks";
    change both TaskCreate { target: At<Target> } [projects environments tenants explicit] "Start tasks by hand (health checks, script console, re-runs)";
    change both TaskEdit { task: At<Task> } [projects environments tenants runbooks explicit] "Change a task's state (for example mark a finished one failed or succeeded)";
    change space TaskPrioritize { task: At<Task> } [] "Put a deployment ahead of others in the queue";
    view both TaskView { task: At<Task> } [projects environments tenants runbooks explicit] "See tasks and their full logs (system level: tasks outside any space)";
    change both TeamCreate { level: Level } [] "Add teams (system level: system teams; space level: teams of that space)";
    change both TeamDelete { team: At<Team> } [] "Remove teams, at the level granted";
    change both TeamEdit { team: TeamPart } [] "Change teams: members, roles, scopes, at the level granted";
    change both TeamMembersEdit { team: At<Team> } [] "Change who is in teams, at the level granted, and nothing else of them";
    view both TeamView { team: At<Team> } [] "See teams, at the level granted";
    view system TelemetryView {} [] "See the telemetry the server would send";
    change space TenantCreate { space: New<Tenant> } [tenants] "Add tenants";
    change space TenantDelete { tenant: At<Tenant> } [tenants] "Remove tenants";
    change space TenantEdit { tenant: At<Tenant> } [tenants] "Change tenants: tags, project connections, tenant variables";
    view space TenantView { tenant: At<Tenant> } [tenants] "See tenants";
    change space TriggerCreate { project: At<Project> } [projects] "Add project triggers";
    change space TriggerDelete { project: At<Project> } [projects] "Remove project triggers";
    change space TriggerEdit { project: At<Project> } [projects] "Change project triggers";
    view space TriggerView { project: At<Project> } [projects] "See project triggers";
    change system UserEdit {} [] "Create, change, disable and delete users and their logins";
    change system UserInvite {} [] "Create invitation codes that let people register into teams";
    change system UserRoleEdit {} [] "Create, change and delete user role definitions";
    view system UserRoleView {} [] "See user role definitions and other users' roles";
    view system UserView {} [] "See users";
    change space VariableEdit { project: At<Project>, environments: Vec<At<Environment>> } [projects environments] "Change project variable values (those scoped inside the granted environments)";
    change space VariableEditUnscoped { project: At<Project> } [projects] "Change variable values that carry no environment scope, in projects and library sets";
    view space VariableView { project: At<Project>, environments: Vec<At<Environment>> } [projects environments] "Read variable values of projects and library sets (those scoped inside the granted environments)";
    view space VariableViewUnscoped { project: At<Project> } [projects] "Read variable values that carry no environment scope, in projects and library sets";
    change space WorkerEdit { space: At<Space> } [] "Change workers and worker pools";
    view space WorkerView { space: At<Space> } [] "See workers in worker pools";
    change appliance CompanyBackup {} [] "Back up companies";
    change appliance CompanyCreate {} [] "Create companies with their first administrator, and take in folders";
    change appliance CompanyLimit {} [] "Set what companies may use: disk, people, running tasks, requests";
    change appliance CompanyRemove {} [] "Remove companies for ever";
    change appliance CompanyRename {} [] "Give companies another short name, and with it other addresses";
    change appliance CompanySuspend {} [] "Suspend companies and let them go on";
    view appliance CompanyView {} [] "See the companies of the appliance: size, state and numbers, never their content";
    /// The operator's: describe the company as a whole without reading its content.
    view server FileLook {} [] "Describe the company's file";
    /// The engine's: carry out a task.
    change server TaskExecute { task: At<Task> } [] "Carry out a task of the server";
    /// The engine's: look for work, put right what a crash left behind.
    change server QueueKeep {} [] "Keep the queue of tasks";
    /// The engine's and the operator's: sign the trail, archive what is old, tell its checkpoints.
    change server TrailKeep {} [] "Sign and archive the trail";
    /// The engine's: hand letters to the mail server.
    change server LetterSend {} [] "Send the letters that wait";
    /// The engine's: tell of API keys that end.
    change server KeysKeep {} [] "Tell of API keys that end";
    /// The engine's: tell of roles on teams and of emergencies that ended.
    change server GrantsKeep {} [] "Tell of rights that ended";
    /// The operator's: copy, check and describe the company's file without reading its content.
    change server FileKeep {} [] "Copy and check the company's file";
}

impl OfAppliance for CompanyBackup {}
impl OfAppliance for CompanyCreate {}
impl OfAppliance for CompanyLimit {}
impl OfAppliance for CompanyRemove {}
impl OfAppliance for CompanyRename {}
impl OfAppliance for CompanySuspend {}
impl OfAppliance for CompanyView {}

/// What a role of a company can hold; in the operator's compartment also what is about the appliance.
pub fn in_roles(operator: bool) -> impl Iterator<Item = &'static Info> {
    let out = move |info: &&Info| match info.held {
        Held::Server | Held::Anyone => false,
        Held::Appliance => operator,
        _ => true,
    };
    CATALOGUE.iter().copied().filter(out)
}

/// How many permissions there are.
pub const COUNT: usize = CATALOGUE.len();

/// The permission of this name, ignoring case; `ApprovalRuleAdminister` is an older spelling of one of them.
pub fn named(name: &str) -> Option<&'static Info> {
    let name = if name.eq_ignore_ascii_case("ApprovalRuleAdminister") { "ApprovalPolicyAdminister" } else { name };
    CATALOGUE.iter().copied().find(|info| info.held != Held::Server && info.name.eq_ignore_ascii_case(name))
}

/// The dimensions that a permission honours.
pub fn honoured(info: &Info) -> impl Iterator<Item = Dimension> {
    [
        (info.groups || info.projects, Dimension::Group),
        (info.projects, Dimension::Project),
        (info.environments, Dimension::Environment),
        (info.tenants, Dimension::Tenant),
        (info.runbooks, Dimension::Runbook),
    ]
    .into_iter()
    .filter_map(|(honours, dimension)| honours.then_some(dimension))
}
