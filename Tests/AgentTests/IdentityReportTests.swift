import AWS
import Testing

@testable import Agent

struct IdentityReportTests {
    @Test(
        arguments: [
            (3_599_500, true, "3599s"), (0, true, "0s"), (-60_500, true, "expired 60s ago"),
            (nil, false, "never"), (nil, true, "unknown"),
        ] as [(Int64?, Bool, String)])
    func theEndIsTold(remainingMs: Int64?, isSession: Bool, text: String) {
        let credentials = Credentials(
            accessKeyID: "AKID", secretAccessKey: "s", sessionToken: isSession ? "t" : nil)
        #expect(IdentityReport.expiry(remainingMs, of: credentials) == text)
    }

    @Test func whatNoCallCouldUseIsRefused() {
        let role = "arn:aws:iam::123456789012:role/a"
        #expect(IdentityReport.Request().faults.isEmpty)
        #expect(IdentityReport.Request(roleARN: role, externalID: "x").faults.isEmpty)
        #expect(
            IdentityReport.Request(externalID: "x").faults == [
                "--external-id without --role-arn: it belongs to a role that is assumed; give both"
            ])
        #expect(
            IdentityReport.Request(roleARN: "role/a").faults == [
                "--role-arn: \"role/a\" is not a role's ARN such as arn:aws:iam::123456789012:role/name"
            ])
    }
}
