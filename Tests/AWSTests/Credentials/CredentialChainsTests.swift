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
}
