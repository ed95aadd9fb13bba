/// Why a profile has no credentials to give, which lets the next source try.
struct ProfileAbsence: Error, Equatable {
    let reason: String
}

extension CredentialPlanner {
    /// Longest chain of source_profile followed.
    private static let chainLimit = 16
    private static let signOns = ["sso_session", "sso_account_id", "sso_start_url", "login_session"]

    /// What the profile in use comes to.
    func profilePlan() async throws(AWSError) -> Swift.Result<CredentialPlan, ProfileAbsence> {
        let name = profileName
        let places = files.places
        guard !places.isEmpty else {
            return .failure(
                ProfileAbsence(reason: "HOME is not set, so there are no shared files to look in"))
        }
        guard let profile = try await files.profile(name) else {
            let why = "there is no profile \(name) in \(files.places)"
            guard configuration.profile != nil || value("AWS_PROFILE") != nil else {
                return .failure(ProfileAbsence(reason: why))
            }
            throw fault(name, "\(why), though it is asked for by name")
        }
        return try await plan(of: profile, name, visited: [])
    }

    private func plan(
        of profile: SharedFiles.Profile, _ name: String, visited: [String]
    ) async throws(AWSError) -> Swift.Result<CredentialPlan, ProfileAbsence> {
        func setting(_ key: String) -> String? { profile.settings[key].flatMap { $0.isEmpty ? nil : $0 } }
        let place = profile.files.joined(separator: ", ")
        let keys = try keys(of: profile, name)
        // As in botocore: keys end a chain, though the profile that the chain begins with may have both.
        if let keys, !visited.isEmpty { return .success(keys) }
        if let arn = setting("role_arn") {
            let role = try role(arn, name, setting)
            if let token = setting("web_identity_token_file") {
                guard setting("source_profile") == nil, setting("credential_source") == nil else {
                    throw fault(
                        name, "web_identity_token_file goes without source_profile and credential_source")
                }
                return .success(.webIdentity(role, tokenFile: token))
            }
            let source = try await source(of: profile, name, keys: keys, visited: visited)
            return .success(.role(role, source: source))
        }
        if let keys { return .success(keys) }
        if let command = setting("credential_process") {
            return .success(.process(command: command, profile: name))
        }
        for key in ["source_profile", "web_identity_token_file"] where setting(key) != nil {
            throw fault(name, "the profile has \(key) but no role_arn to use it for (\(place))")
        }
        if let key = Self.signOns.first(where: { setting($0) != nil }) {
            throw fault(
                name,
                "the profile signs a person on (\(key)), which an agent cannot do: use a role, keys or "
                    + "credential_process, for instance `aws configure export-credentials` (\(place))")
        }
        return .failure(
            ProfileAbsence(
                reason: "the profile \(name) has neither aws_access_key_id nor role_arn nor "
                    + "credential_process (\(place))"))
    }

    /// What a role is assumed with.
    private func source(
        of profile: SharedFiles.Profile, _ name: String, keys: CredentialPlan?, visited: [String]
    ) async throws(AWSError) -> CredentialPlan {
        func setting(_ key: String) -> String? { profile.settings[key].flatMap { $0.isEmpty ? nil : $0 } }
        switch (setting("source_profile"), setting("credential_source")) {
        case (.some, .some):
            throw fault(name, "source_profile and credential_source exclude each other")
        case (let next?, nil):
            // A profile may name itself when it has keys of its own.
            if next == name, let keys { return keys }
            let path = visited + [name]
            guard !path.contains(next) else {
                throw fault(
                    name, "source_profile goes in a circle: \((path + [next]).joined(separator: " → "))")
            }
            guard path.count < Self.chainLimit else {
                throw fault(name, "source_profile goes on over more than \(Self.chainLimit) profiles")
            }
            guard let source = try await files.profile(next) else {
                throw fault(name, "its source_profile \(next) is not in \(files.places)")
            }
            switch try await plan(of: source, next, visited: path) {
            case .success(let plan): return plan
            case .failure(let absence): throw fault(name, "its source_profile: \(absence.reason)")
            }
        case (nil, let kind?): return try credentialSource(kind, name)
        case (nil, nil):
            if let keys { return keys }
            throw fault(
                name, "role_arn needs source_profile, credential_source or web_identity_token_file beside it")
        }
    }

    private func credentialSource(_ kind: String, _ name: String) throws(AWSError) -> CredentialPlan {
        switch kind.lowercased() {
        case "environment":
            if let keys = try environmentKeys() { return keys }
            throw fault(name, "credential_source is Environment and AWS_ACCESS_KEY_ID is not set")
        case "ec2instancemetadata":
            guard !InstanceMetadata.isDisabled(environment) else {
                throw fault(
                    name, "credential_source is Ec2InstanceMetadata and AWS_EC2_METADATA_DISABLED is set")
            }
            return .instanceMetadata
        case "ecscontainer":
            if let endpoint = try ContainerEndpoint.find(environment) { return .container(endpoint) }
            throw fault(
                name,
                "credential_source is EcsContainer and neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor "
                    + "AWS_CONTAINER_CREDENTIALS_FULL_URI is set")
        default:
            throw fault(
                name,
                "credential_source is none of Environment, Ec2InstanceMetadata, EcsContainer")
        }
    }

    private func role(
        _ arn: String, _ name: String, _ setting: (String) -> String?
    ) throws(AWSError) -> CredentialPlan.Role {
        guard setting("mfa_serial") == nil else {
            throw fault(
                name, "mfa_serial asks for a code each time, which nobody types here; use a role without it")
        }
        var seconds: Int?
        if let text = setting("duration_seconds") {
            guard let number = Int(text), (900...43_200).contains(number) else {
                throw fault(name, "duration_seconds is not a number from 900 to 43200")
            }
            seconds = number
        }
        return CredentialPlan.Role(
            arn: arn, sessionName: sessionName(setting("role_session_name")),
            externalID: setting("external_id"), durationSeconds: seconds)
    }

    private func keys(of profile: SharedFiles.Profile, _ name: String) throws(AWSError) -> CredentialPlan? {
        func setting(_ key: String) -> String? { profile.settings[key].flatMap { $0.isEmpty ? nil : $0 } }
        let id = setting("aws_access_key_id")
        let secret = setting("aws_secret_access_key")
        if id == nil, secret == nil { return nil }
        let place = profile.files.joined(separator: ", ")
        guard let id, let secret else {
            let missing = id == nil ? "aws_access_key_id" : "aws_secret_access_key"
            throw fault(name, "the profile lacks \(missing) (\(place))")
        }
        return .keys(
            Credentials(accessKeyID: id, secretAccessKey: secret, sessionToken: setting("aws_session_token")),
            origin: "profile \(name) in \(place)")
    }

    private func fault(_ profile: String, _ message: String) -> AWSError {
        AWSError(.noCredentials, message: message, operation: "profile \(profile)")
    }
}
