/// What environment and shared files say for one profile.
struct AWSSettings: Sendable {
    let environment: [String: String]
    let files: SharedFiles
    let profileName: String

    /// The profile's settings; none when neither file has it.
    func profile() async throws(AWSError) -> [String: String] {
        try await files.profile(profileName)?.settings ?? [:]
    }

    /// How services are found.
    func endpoints() async throws(AWSError) -> EndpointSettings {
        let profile = try await profile()
        var services: [String: String] = [:]
        if let name = profile["services"], !name.isEmpty { services = try await files.services(name) }
        return EndpointSettings(environment: environment, profile: profile, services: services)
    }
}
