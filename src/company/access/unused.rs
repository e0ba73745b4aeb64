//! Permissions that a role can hold and that nothing of this program asks for yet: they are there so that roles carry over
//! from and to other tools, and are marked wherever they are offered.

use super::permissions::Info;

/// By name, in the order of the catalogue. A test compares the list with the source.
const UNUSED: &str = "ActionTemplateCreate ActionTemplateDelete ActionTemplateEdit ActionTemplateView AiAgentTranscriptView ApprovalPolicyAdminister ArtifactCreate ArtifactDelete ArtifactEdit ArtifactView BuildInformationAdminister BuildInformationPush BuiltInFeedAdminister BuiltInFeedDownload BuiltInFeedPush CertificateCreate CertificateDelete CertificateEdit CertificateExportPrivateKey CertificateView DeployedResourceAdminister DeploymentFreezeAdminister FeatureToggleEdit FeedEdit FeedView GitCredentialEdit GitCredentialView InsightsReportCreate InsightsReportDelete InsightsReportEdit InsightsReportView InterruptionSubmit InterruptionView InterruptionViewSubmitResponsible LibraryVariableSetCreate LibraryVariableSetDelete LibraryVariableSetEdit LibraryVariableSetView MachinePolicyCreate MachinePolicyDelete MachinePolicyEdit PlatformHubEdit PlatformHubView ProxyCreate ProxyDelete ProxyEdit ProxyView RetentionAdminister SshKnownHostsAdminister SshKnownHostsView SubscriptionCreate SubscriptionDelete SubscriptionEdit SubscriptionView TargetTagAdminister TargetTagView TaskEdit TaskPrioritize TelemetryView TriggerCreate TriggerDelete TriggerEdit TriggerView VariableEdit VariableEditUnscoped VariableView";

impl Info {
    /// Whether anything asks for it.
    pub fn is_used(&self) -> bool {
        !UNUSED.split(' ').any(|name| name == self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::permissions::in_roles;
    use std::{fs, path::Path};

    /// All lines of the program that are no comment, but those of the catalogue, of this list and of tests.
    fn lines(folder: &Path, into: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "tests" {
                lines(&path, into);
            } else if name.ends_with(".rs")
                && !["permissions.rs", "proving.rs", "unused.rs", "tests.rs", "oracle.rs", "testing.rs"]
                    .contains(&&*name)
            {
                let text = fs::read_to_string(&path).unwrap();
                let own = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                into.extend(own.lines().filter(|line| !line.trim_start().starts_with("//")).map(str::to_owned));
            }
        }
    }

    #[test]
    fn what_nothing_asks_for_is_listed() {
        let mut all = Vec::new();
        lines(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
        let asks = |name: &str| {
            all.iter().any(|line| {
                line.match_indices(name).any(|(at, _)| {
                    let (before, after) = (line[..at].chars().next_back(), line[at + name.len()..].chars().next());
                    let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
                    // In quotation marks it is a name, as in the tables of routes, and asks nothing.
                    !inside(before) && !inside(after) && before != Some('"') && after != Some('"')
                })
            })
        };
        let unused: Vec<&str> = in_roles(true).map(|info| info.name).filter(|name| !asks(name)).collect();
        assert_eq!(super::UNUSED, unused.join(" "));
    }
}
