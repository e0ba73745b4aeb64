//! The kinds of events, each with its words, and the groups they are asked for in (`domain §14`). A test holds that every
//! kind that is written anywhere stands here.

/// Kinds of events that pages offer to choose from, each with its words.
pub const CATEGORIES: &[(&str, &str)] = &[
    ("Created", "Created"),
    ("Modified", "Changed"),
    ("Deleted", "Deleted"),
    ("DeploymentQueued", "Deployment queued"),
    ("DeploymentStarted", "Deployment started"),
    ("DeploymentSucceeded", "Deployment succeeded"),
    ("DeploymentFailed", "Deployment failed"),
    ("RunbookPublished", "Runbook published"),
    ("RunbookRunQueued", "Runbook run queued"),
    ("RunbookRunStarted", "Runbook run started"),
    ("RunbookRunSucceeded", "Runbook run succeeded"),
    ("RunbookRunFailed", "Runbook run failed"),
    ("DefectReported", "Defect reported"),
    ("DefectResolved", "Defect resolved"),
    ("TaskQueued", "Task queued"),
    ("TaskStarted", "Task started"),
    ("TaskSucceeded", "Task succeeded"),
    ("TaskFailed", "Task failed"),
    ("TaskCancelling", "Task told to stop"),
    ("TaskCanceled", "Task cancelled"),
    ("TasksHeld", "Tasks held"),
    ("MachineAdded", "Target added"),
    ("MachineDeleted", "Target deleted"),
    ("MachineEnabled", "Target enabled"),
    ("MachineDisabled", "Target disabled"),
    ("MachineHealthy", "Target found healthy"),
    ("MachineUnavailable", "Target not reached"),
    ("MachineHealthChanged", "Target's health changed"),
    ("MachineDeploymentRelatedPropertyWasUpdated", "Target changed"),
    ("LoginSucceeded", "Signed in"),
    ("LoginPassword", "Gave the password"),
    ("LoginFailed", "Sign-in failed"),
    ("LoginProved", "Proved once more who they are"),
    ("PasswordChanged", "Password changed"),
    ("PasswordResetRequested", "New password asked for"),
    ("LoginRefused", "Sign-in refused without a look"),
    ("LetterRequested", "Trial letter asked for"),
    ("LetterFailed", "Letter could not be sent"),
    ("Logout", "Signed out"),
    ("SecondFactorStarted", "Second factor begun"),
    ("SecondFactorAdded", "Second factor set up"),
    ("SecondFactorDemanded", "Told that a second factor is needed"),
    ("UserActivated", "Invitation accepted"),
    ("UserDeactivated", "Deactivated"),
    ("UserReactivated", "Reactivated"),
    ("ApiKeyExpiry20Days", "API key ends within 20 days"),
    ("ApiKeyExpiry10Days", "API key ends within 10 days"),
    ("ApiKeyExpired", "API key has ended"),
    ("RoleExpired", "Role on a team has ended"),
    ("EmergencyBegan", "Team used in an emergency"),
    ("EmergencyEnded", "Emergency ended"),
    ("SecondFactorRemoved", "Second factor removed"),
    ("RecoveryCodesMade", "Recovery codes made"),
    ("RecoveryCodeUsed", "Recovery code used"),
    ("AccessDenied", "Refused"),
    ("AccessReviewed", "Access reviewed"),
    ("SecretRead", "Secret read"),
    ("TrailExported", "Trail exported"),
    ("TrailArchived", "Trail archived"),
    ("TrailArchiveRead", "Archive of the trail read"),
    ("TrailArchiveDeleted", "Archive of the trail deleted"),
    ("TrailDamaged", "Trail damaged"),
    ("BackupTaken", "Backup taken"),
    ("Restored", "Restored"),
    ("CompanyCreated", "Company created"),
    ("CompanySuspended", "Company suspended"),
    ("CompanyResumed", "Company resumed"),
    ("CompanyRenamed", "Company renamed"),
    ("CompanyRenameUndone", "Renaming of a company undone"),
    ("CompanyRemoved", "Company removed"),
    ("CompanyAdopted", "Company taken in"),
    ("CompanyBackedUp", "Company backed up"),
    ("CompanyLimitsChanged", "Company's limits changed"),
    ("CompanyHostsChanged", "Company's host names changed"),
    ("LimitsChanged", "Limits changed"),
    ("SettingsChanged", "Settings changed"),
    ("SignInRulesChanged", "Rules of sign-in changed"),
    ("LimitReached", "Limit reached"),
];

/// Groups of kinds: name, words, and what is in them.
pub const GROUPS: &[(&str, &str, &[&str])] = &[
    (
        "Deployment",
        "Deployments",
        &["DeploymentQueued", "DeploymentStarted", "DeploymentSucceeded", "DeploymentFailed"],
    ),
    ("DeploymentCritical", "Deployments that failed", &["DeploymentFailed"]),
    (
        "RunbookRun",
        "Runbook runs",
        &["RunbookPublished", "RunbookRunQueued", "RunbookRunStarted", "RunbookRunSucceeded", "RunbookRunFailed"],
    ),
    ("RunbookRunCritical", "Runbook runs that failed", &["RunbookRunFailed"]),
    ("Defect", "Defects of releases", &["DefectReported", "DefectResolved"]),
    (
        "Task",
        "Tasks",
        &["TaskQueued", "TaskStarted", "TaskSucceeded", "TaskFailed", "TaskCancelling", "TaskCanceled", "TasksHeld"],
    ),
    (
        "Machine",
        "Deployment targets",
        &[
            "MachineAdded",
            "MachineDeleted",
            "MachineEnabled",
            "MachineDisabled",
            "MachineHealthy",
            "MachineUnavailable",
            "MachineHealthChanged",
            "MachineDeploymentRelatedPropertyWasUpdated",
        ],
    ),
    ("MachineCritical", "Targets in trouble", &["MachineUnavailable"]),
    ("MachineAvailableForDeployment", "Targets that can be deployed to", &["MachineEnabled", "MachineHealthy"]),
    (
        "MachineUnavailableForDeployment",
        "Targets that cannot be deployed to",
        &["MachineDeleted", "MachineDisabled", "MachineUnavailable"],
    ),
    ("Document", "Things made, changed and deleted", &["Created", "Modified", "Deleted"]),
    (
        "SignIn",
        "Signing in and out",
        &[
            "LoginSucceeded",
            "LoginPassword",
            "LoginFailed",
            "LoginProved",
            "LoginRefused",
            "PasswordChanged",
            "PasswordResetRequested",
            "Logout",
            "SecondFactorStarted",
            "SecondFactorAdded",
            "SecondFactorDemanded",
            "SecondFactorRemoved",
            "RecoveryCodesMade",
            "RecoveryCodeUsed",
        ],
    ),
    ("ApiKeyExpiry", "API keys that end", &["ApiKeyExpiry20Days", "ApiKeyExpiry10Days", "ApiKeyExpired"]),
    ("Emergency", "Emergencies and roles that end", &["EmergencyBegan", "EmergencyEnded", "RoleExpired"]),
    ("User", "People", &["UserActivated", "UserDeactivated", "UserReactivated"]),
    (
        "Company",
        "The company and its settings",
        &[
            "CompanyCreated",
            "CompanySuspended",
            "CompanyResumed",
            "CompanyRenamed",
            "CompanyRenameUndone",
            "CompanyRemoved",
            "CompanyAdopted",
            "CompanyBackedUp",
            "CompanyLimitsChanged",
            "CompanyHostsChanged",
            "LimitsChanged",
            "LimitReached",
            "SettingsChanged",
            "SignInRulesChanged",
        ],
    ),
    (
        "Audit",
        "Refusals, secrets and the trail itself",
        &[
            "AccessDenied",
            "SecretRead",
            "TrailExported",
            "TrailArchived",
            "TrailArchiveRead",
            "TrailArchiveDeleted",
            "TrailDamaged",
            "BackupTaken",
            "Restored",
        ],
    ),
];

/// The words for a kind of event.
pub fn category_words(category: &str) -> &str {
    CATEGORIES.iter().find(|(name, _)| *name == category).map_or(category, |(_, words)| words)
}

/// The kinds in a group, ignoring the case of its name.
pub fn group(name: &str) -> Option<&'static [&'static str]> {
    GROUPS.iter().find(|(group, ..)| group.eq_ignore_ascii_case(name)).map(|(_, _, kinds)| *kinds)
}

#[test]
fn groups_hold_kinds_that_there_are() {
    for (group, _, kinds) in GROUPS {
        for kind in *kinds {
            assert!(CATEGORIES.iter().any(|(name, _)| name == kind), "{kind} of {group}");
        }
    }
    let mut names: Vec<&str> = CATEGORIES.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CATEGORIES.len());
}
