/// Finds out where credentials are to come from, without asking anybody over the network.
///
/// The order is the SDKs': the configuration's keys; the configuration's profile; the environment's keys; the
/// environment's web identity; the profile of AWS_PROFILE or `default`; the container's endpoint; EC2's
/// instance metadata. A source that is named but broken is a fault, so that no other identity is used by
/// surprise.
struct CredentialPlanner: Sendable {
    /// A plan, and why the sources before it were passed over.
    struct Result: Sendable, Equatable {
        var plan: CredentialPlan
        var passedOver: [String] = []
    }

    let configuration: CredentialConfiguration
    let environment: [String: String]
    let files: SharedFiles

    var profileName: String { configuration.profile ?? value("AWS_PROFILE") ?? "default" }

    func plan() async throws(AWSError) -> Result {
        var result = try await sourcePlan()
        if let arn = configuration.roleARN {
            let role = CredentialPlan.Role(
                arn: arn, sessionName: sessionName(nil), externalID: configuration.externalID)
            result.plan = .role(role, source: result.plan)
        }
        return result
    }

    private func sourcePlan() async throws(AWSError) -> Result {
        if let keys = try configurationKeys() { return Result(plan: keys) }
        var passed: [String] = []
        if configuration.profile == nil {
            if let keys = try environmentKeys() { return Result(plan: keys) }
            passed.append("AWS_ACCESS_KEY_ID is not set")
            if let identity = try environmentWebIdentity() { return Result(plan: identity) }
            passed.append("AWS_WEB_IDENTITY_TOKEN_FILE is not set")
        }
        switch try await profilePlan() {
        case .success(let plan): return Result(plan: plan, passedOver: passed)
        case .failure(let absence): passed.append(absence.reason)
        }
        if let endpoint = try ContainerEndpoint.find(environment) {
            return Result(plan: .container(endpoint), passedOver: passed)
        }
        passed.append(
            "neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set")
        guard !InstanceMetadata.isDisabled(environment) else {
            passed.append("AWS_EC2_METADATA_DISABLED keeps from asking EC2's instance metadata")
            throw Self.nothing(passed)
        }
        return Result(plan: .instanceMetadata, passedOver: passed)
    }

    /// What is said when no source has credentials.
    /// `isTransient`: a source that could not be asked may have some in a little while.
    static func nothing(_ reasons: [String], isTransient: Bool = false) -> AWSError {
        AWSError(
            .noCredentials,
            message:
                "no source has AWS credentials: \(reasons.joined(separator: "; ")). On ECS, give the task a "
                + "task role; elsewhere set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write a profile "
                + "to the shared files, or give access_key and secret_key in the configuration",
            operation: "credentials", isTransient: isTransient)
    }

    func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }

    /// STS wants 2 to 64 of these characters; what a profile gives is passed on as it is.
    func sessionName(_ given: String?) -> String { given ?? value("AWS_ROLE_SESSION_NAME") ?? "narthex" }

    private func configurationKeys() throws(AWSError) -> CredentialPlan? {
        if configuration.accessKeyID == nil, configuration.secretAccessKey == nil { return nil }
        guard let id = configuration.accessKeyID, let secret = configuration.secretAccessKey else {
            let missing = configuration.accessKeyID == nil ? "access_key" : "secret_key"
            throw AWSError(
                .noCredentials,
                message: "\(missing) is missing: access_key and secret_key are given together",
                operation: "the configuration's credentials")
        }
        return .keys(Credentials(accessKeyID: id, secretAccessKey: secret), origin: "the configuration")
    }

    func environmentKeys() throws(AWSError) -> CredentialPlan? {
        let id = value("AWS_ACCESS_KEY_ID")
        let secret = value("AWS_SECRET_ACCESS_KEY")
        if id == nil, secret == nil { return nil }
        guard let id, let secret else {
            let missing = id == nil ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY"
            throw AWSError(
                .noCredentials, message: "\(missing) is not set though the other half of the key pair is",
                operation: "the environment's credentials")
        }
        return .keys(
            Credentials(accessKeyID: id, secretAccessKey: secret, sessionToken: value("AWS_SESSION_TOKEN")),
            origin: "the environment")
    }

    private func environmentWebIdentity() throws(AWSError) -> CredentialPlan? {
        guard let file = value("AWS_WEB_IDENTITY_TOKEN_FILE") else { return nil }
        guard let arn = value("AWS_ROLE_ARN") else {
            throw AWSError(
                .noCredentials,
                message: "AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not: they belong together",
                operation: "the environment's web identity")
        }
        return .webIdentity(CredentialPlan.Role(arn: arn, sessionName: sessionName(nil)), tokenFile: file)
    }
}
