import AWS

/// What became of one set of credentials.
struct IdentityFacts: Sendable, Equatable {
    /// What was found of them.
    struct Found: Sendable, Equatable {
        var accessKeyID: String
        /// Where they are from.
        var source: String
        /// When the credentials expire, for instance `3599s`, `never` or `expired 60s ago`.
        var expiresIn: String
        var isExpired = false
    }

    /// Who uses them: destinations and jobs.
    var users: [String]
    /// As the configuration names them.
    var name: String
    var credentials: Result<Found, AWSError>
    /// Nil where STS was not asked: without credentials, or without a region.
    var identity: Result<CallerIdentity, AWSError>?

    static let check = "credentials"

    var lines: [DoctorLine] {
        let subject = "\(name) for \(users.joined(separator: ", "))"
        switch credentials {
        case .failure(let error):
            return [
                .wrong(
                    Self.check, of: subject, "\(error)",
                    remedy: error.code == .accessDenied && error.operation.hasPrefix("STS.")
                        ? "allow sts:AssumeRole (config/iam/assume-role.json), and let the role trust who "
                            + "asks"
                        : "give the task or the instance a role, or name a profile or keys; narthex "
                            + "credentials says what was tried")
            ]
        case .success(let found):
            var text = "key \(found.accessKeyID) from \(found.source), expires: \(found.expiresIn)"
            guard !found.isExpired else {
                return [
                    .wrong(
                        Self.check, of: subject, text,
                        remedy: "renew what writes them: their source gives expired ones")
                ]
            }
            switch identity {
            case nil:
                return [
                    .ok(
                        Self.check, of: subject,
                        "\(text); STS was not asked who that is, for want of a region")
                ]
            case .success(let identity)?:
                text += "; \(identity.arn) of account \(identity.account)"
                return [.ok(Self.check, of: subject, text)]
            case .failure(let error)?:
                return [refused(error, subject, text)]
            }
        }
    }

    private func refused(_ error: AWSError, _ subject: String, _ text: String) -> DoctorLine {
        if error.mayPass {
            // Calls to others do not go through STS, and each has a line that says whether it works.
            return .skipped(
                Self.check, of: subject,
                "\(text); who that is could not be asked, which the agent needs for "
                    + "roles alone: \(error)")
        }
        return .wrong(
            Self.check, of: subject, "\(text); AWS does not take them: \(error)",
            remedy: error.message.contains("Signature")
                ? "write the secret access key that belongs to this key"
                : "make a new key, or renew the session: AWS does not know this one, or it has ended")
    }
}
