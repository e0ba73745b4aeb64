//! Which changes need a fresh proof of who asks (`access-rules §9`, §11): one word for each permission that allows a
//! change. A permission without its word here is no [`Change`], and what is no change opens no transaction. Pages, API and
//! the operator's pages ask alike, because it is the transaction that asks (`Granted::write`).

use super::{
    own::Myself,
    permissions::{Change, *},
    visitor::Visitor,
};
use crate::base::{
    clock::{self, Moment},
    error::{Error, Result},
};

/// What a change asks of whoever makes it, beside the permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Nothing: it gives, takes and moves no right, no secret and no way of signing in.
    Nothing,
    /// A proof that is not older than [`PROOF_LIFE`](super::admit::PROOF_LIFE). A program's key has nothing to prove; where
    /// the company lets only people change access, it is refused.
    Fresh,
    /// A person with such a proof: no key and no token can do it.
    Person,
    /// The command asks by itself, inside its change, once it knows what differs.
    Inside,
}

/// What the changes of one permission ask.
pub trait Asked {
    /// The word for it in tables.
    const WORD: &'static str;
}

/// All changes of one permission ask the same.
pub trait Settled: Asked {
    /// What they ask.
    const PROOF: Proof;
}

/// No proof.
pub struct Plain;
/// A fresh proof, whatever is changed.
pub struct Proved;
/// Each command says what it asks, or it does not compile.
pub struct ByCommand;

impl Asked for Plain {
    const WORD: &'static str = "none";
}
impl Settled for Plain {
    const PROOF: Proof = Proof::Nothing;
}
impl Asked for Proved {
    const WORD: &'static str = "fresh";
}
impl Settled for Proved {
    const PROOF: Proof = Proof::Fresh;
}
impl Asked for ByCommand {
    const WORD: &'static str = "by command";
}

macro_rules! proofs {
    ($($asked:ident { $($name:ident)* })*) => {
        $($(impl Change for $name {
            type Proof = $asked;
        })*)*

        /// Every permission that allows a change, by name, with the word for what its changes ask.
        pub static PROOFS: &[(&str, &str)] = &[$($((stringify!($name), <$asked as Asked>::WORD),)*)*];
    };
}

proofs! {
    // Rights, secrets, ways of signing in: given, taken or moved by every command that these allow.
    Proved {
        AccountCreate AccountDelete
        CertificateCreate CertificateDelete CertificateEdit CertificateExportPrivateKey
        EventRetentionDelete
        GitCredentialEdit
        SpaceCreate SpaceDelete
        SshKnownHostsAdminister
        TeamCreate TeamDelete TeamEdit TeamMembersEdit
        UserEdit UserInvite UserRoleEdit
        CompanyBackup CompanyCreate CompanyLimit CompanyRemove CompanyRename CompanySuspend
    }
    // Some of their commands do: a new secret of an account, another address to which one is sent, a space's managers, the
    // rules of sign-in, one's own keys and factors.
    ByCommand {
        AccountEdit
        AdministerSystem ConfigureServer
        FeedEdit
        MachineCreate MachineEdit
        Myself
        ProxyCreate ProxyEdit
        SpaceEdit
        SubscriptionCreate SubscriptionEdit
        VariableEdit VariableEditUnscoped
        WorkerEdit
    }
    Plain {
        ActionTemplateCreate ActionTemplateDelete ActionTemplateEdit
        ApprovalPolicyAdminister
        ArtifactCreate ArtifactDelete ArtifactEdit
        BuildInformationAdminister BuildInformationPush
        BuiltInFeedAdminister BuiltInFeedPush
        DefectReport DefectResolve
        DeployedResourceAdminister
        DeploymentCreate DeploymentDelete DeploymentFreezeAdminister
        EnvironmentCreate EnvironmentDelete EnvironmentEdit
        FeatureToggleEdit
        InsightsReportCreate InsightsReportDelete InsightsReportEdit
        InterruptionSubmit InterruptionViewSubmitResponsible
        LibraryVariableSetCreate LibraryVariableSetDelete LibraryVariableSetEdit
        LifecycleCreate LifecycleDelete LifecycleEdit
        MachineDelete
        MachinePolicyCreate MachinePolicyDelete MachinePolicyEdit
        PlatformHubEdit
        ProcessEdit
        ProjectCreate ProjectDelete ProjectEdit
        ProjectGroupCreate ProjectGroupDelete ProjectGroupEdit
        ProxyDelete
        ReleaseCreate ReleaseDelete ReleaseEdit
        RetentionAdminister
        RunbookEdit RunbookRunCreate RunbookRunDelete RunbookSnapshotCreate
        SubscriptionDelete
        TagSetCreate TagSetDelete TagSetEdit
        TargetTagAdminister
        TaskCancel TaskCreate TaskEdit TaskPrioritize
        TenantCreate TenantDelete TenantEdit
        TriggerCreate TriggerDelete TriggerEdit
        // The server's own actors have nothing to prove.
        FileKeep GrantsKeep KeysKeep LetterSend QueueKeep TaskExecute TrailKeep
    }
}

impl Visitor {
    /// Whether whoever came by a session has proved within the last ten minutes who they are. A program's key and the
    /// server's own actors have nothing to prove.
    ///
    /// # Errors
    /// `ProofNeeded`: pages then ask for the proof and go on with what was sent. `PersonNeeded` for a key or token where
    /// the company lets only people change access.
    pub fn fresh(&self) -> Result<()> {
        let fresh = |at: Moment| clock::now().0 - at.0 <= super::admit::PROOF_LIFE;
        match self.session() {
            None if self.is_a_program() && self.company().rules().access_by_people_only => Err(Error::PersonNeeded),
            Some(_) if !self.proved_at().is_some_and(fresh) => Err(Error::ProofNeeded),
            _ => Ok(()),
        }
    }

    /// For what no program may change, whatever it holds: rules of sign-in, one's e-mail address, password and second
    /// factors. Asks for a session and for a fresh proof; the operator on the command line passes.
    ///
    /// # Errors
    /// `PersonNeeded` for an API key or a token, `ProofNeeded` as [`Visitor::fresh`].
    pub fn in_person(&self) -> Result<()> {
        if self.is_a_program() {
            return Err(Error::PersonNeeded);
        }
        self.fresh()
    }

    /// For a request to change something by this permission: what every such change asks is asked before anything is
    /// read of it. Who holds the permission nowhere is told that instead, by whoever asks for it. The change asks again.
    ///
    /// # Errors
    /// As [`Visitor::fresh`].
    pub fn prove_first(&self, permission: &str) -> Result<()> {
        let always = PROOFS.iter().any(|(name, word)| *name == permission && *word == Proved::WORD);
        match named(permission).filter(|_| always) {
            Some(info) if self.grants().of(info).next().is_some() => self.fresh(),
            _ => Ok(()),
        }
    }

    /// Asks what a change asks.
    pub(super) fn prove(&self, asked: Proof) -> Result<()> {
        match asked {
            Proof::Nothing | Proof::Inside => Ok(()),
            Proof::Fresh => self.fresh(),
            Proof::Person => self.in_person(),
        }
    }

    /// Somebody's key or token, not a session and none of the server's own actors.
    fn is_a_program(&self) -> bool {
        self.session().is_none() && self.user().is_some()
    }
}

#[test]
fn every_permission_to_change_has_its_word() {
    let mut named: Vec<&str> = PROOFS.iter().map(|(name, _)| *name).filter(|name| *name != "Myself").collect();
    let mut all: Vec<&str> = CATALOGUE.iter().filter(|info| info.change).map(|info| info.name).collect();
    named.sort_unstable();
    all.sort_unstable();
    assert_eq!(named, all);
}
