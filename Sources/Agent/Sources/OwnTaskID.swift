import AWS

/// The id of the ECS task that the agent runs in, as a variable that a configuration may name: ECS sets none
/// that lasts as long as the agent and is no other's, as `__replica__` has to be.
enum OwnTaskID {
    /// What a configuration calls it. One that the environment has stays as it is.
    static let variable = "ECS_TASK_ID"

    /// Whether a text names the variable, wherever in it.
    static func isNamed(in text: [UInt8]) -> Bool {
        text.firstRange(of: Array(variable.utf8)) != nil
    }

    /// Whether it has to be asked for: the text names it, the environment has none, and this is a task.
    static func isWanted(by text: [UInt8], environment: [String: String]) -> Bool {
        (environment[variable] ?? "").isEmpty
            && !(environment[TaskMetadataClient.variable] ?? "").isEmpty && isNamed(in: text)
    }

    /// The task's id from its metadata, which are waited for some ten seconds.
    static func ask(_ access: AWSAccess) async throws(SourceFault) -> String {
        guard let client = access.taskMetadata() else {
            throw SourceFault("this is no ECS task, so there is no \(variable)")
        }
        do throws(AWSError) {
            return try await client.task().id
        } catch {
            throw SourceFault(
                "the configuration names \(variable), and the task's metadata do not tell it: "
                    + error.message,
                isCancelled: error.code == .cancelled)
        }
    }
}
