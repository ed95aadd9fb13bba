import HTTPTransport
import Logging
import Platform
import TestSupport
import Testing

@testable import AWS

@Suite struct CredentialChainsTests {
    private func access(_ http: ScriptedHTTP) -> AWSAccess {
        AWSAccess(
            environment: CredentialChainTests.environment, files: POSIXFiles(), http: http,
            clock: ManualClock(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test func oneChainForAnIdentityOnOneWay() {
        let access = access(ScriptedHTTP([]))
        let one = CredentialConfiguration(profile: "a")
        #expect(access.credentials(one) === access.credentials(one))
        #expect(access.credentials(one) !== access.credentials(CredentialConfiguration(profile: "b")))
        let other = access.through(ScriptedHTTP([]))
        #expect(other.credentials(one) !== access.credentials(one))
        #expect(other.credentials(one) === other.credentials(one))
        #expect(access.through(ScriptedHTTP([])).credentials(one) !== other.credentials(one))
    }

    /// Pages show what is used: a reload may have taken the last user away.
    @Test func chainsThatNobodyUsesAreLetGo() {
        let chains = CredentialChains()
        func chain(_ profile: String) -> CredentialChain {
            chains.chain(CredentialConfiguration(profile: profile), way: 1) {
                access(ScriptedHTTP([])).credentials(CredentialConfiguration(profile: profile))
            }
        }
        let used = chain("used")
        _ = chain("unused")
        #expect(chains.all.count == 2)
        chains.forgetUnused()
        #expect(chains.all.map(\.configuration.profile) == ["used"])
        #expect(chain("used") === used)
    }
}
