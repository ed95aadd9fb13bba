import AWS
import Testing

@testable import Agent

struct IdentityFactsTests {
    private let alice = CallerIdentity(
        arn: "arn:aws:iam::123456789012:user/alice", account: "123456789012", serverMs: nil)

    private func line(
        _ identity: Result<CallerIdentity, AWSError>?, isExpired: Bool = false
    ) -> DoctorLine? {
        let found = IdentityFacts.Found(
            accessKeyID: "AKID", source: "the environment", expiresIn: "never", isExpired: isExpired)
        return IdentityFacts(
            users: ["remote_write amp", "job shop"], name: "default", credentials: .success(found),
            identity: identity
        ).lines.first
    }

    @Test func whoSignsIsSaid() {
        #expect(
            line(.success(alice))?.text
                == "ok       credentials default for remote_write amp, job shop: key AKID from the "
                + "environment, expires: never; arn:aws:iam::123456789012:user/alice of account 123456789012")
        #expect(line(nil)?.verdict == .ok)
        #expect(line(.success(alice), isExpired: true)?.remedy?.hasPrefix("renew what writes them") == true)
    }

    @Test(arguments: [
        (AWSError.Code.accessDenied, "SignatureDoesNotMatch: no", "write the secret access key"),
        (.expiredCredentials, "InvalidClientTokenId: no", "make a new key, or renew the session"),
    ])
    func aKeyThatAWSDoesNotTakeIsSaid(code: AWSError.Code, message: String, remedy: String) {
        let error = AWSError(code, message: message, operation: "STS.GetCallerIdentity at https://sts")
        let found = line(.failure(error))
        #expect(found?.verdict == .wrong && found?.remedy?.hasPrefix(remedy) == true, "\(found?.text ?? "")")
    }

    /// A network without a way to STS is enough for keys.
    @Test func whereSTSIsNotReachedTheOthersTell() {
        let error = AWSError(.transport, message: "no connection", operation: "STS.GetCallerIdentity")
        #expect(line(.failure(error))?.verdict == .skipped)
    }

    @Test(arguments: [
        (AWSError(.noCredentials, message: "tried: nothing", operation: "credentials"), "give the task"),
        (
            AWSError(.accessDenied, message: "AccessDenied: no", operation: "STS.AssumeRole at h"),
            "allow sts:"
        ),
    ])
    func whyThereAreNoneIsSaid(error: AWSError, remedy: String) {
        let facts = IdentityFacts(users: ["job shop"], name: "role", credentials: .failure(error))
        #expect(facts.lines.map(\.verdict) == [.wrong])
        #expect(facts.lines[0].remedy?.hasPrefix(remedy) == true)
    }
}
