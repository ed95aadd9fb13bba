internal import JSON

/// What ECS is asked in json-1.1, named as the API names it.
enum ECSShapes {
    /// Every field that one of the operations takes.
    struct Request: JSONReadable {
        let cluster: String?
        let maxResults: Int?
        let nextToken: String?
        let desiredStatus: String?
        let launchType: String?
        let serviceName: String?
        let family: String?
        let tasks: [String]?
        let clusters: [String]?
        let services: [String]?
        let containerInstances: [String]?
        let taskDefinition: String?

        init(json: JSONNode) throws(JSONMismatch) {
            let fields = try JSONFields(json)
            cluster = try fields.optional("cluster")
            maxResults = try fields.optional("maxResults")
            nextToken = try fields.optional("nextToken")
            desiredStatus = try fields.optional("desiredStatus")
            launchType = try fields.optional("launchType")
            serviceName = try fields.optional("serviceName")
            family = try fields.optional("family")
            tasks = try fields.optional("tasks")
            clusters = try fields.optional("clusters")
            services = try fields.optional("services")
            containerInstances = try fields.optional("containerInstances")
            taskDefinition = try fields.optional("taskDefinition")
        }
    }
}
