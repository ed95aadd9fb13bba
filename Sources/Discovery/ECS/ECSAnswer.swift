import AWS

/// What came of a question.
enum ECSAnswer: Sendable {
    case tasks([String], Result<ECSTaskPage, AWSError>)
    case gone([String], Result<ECSTaskPage, AWSError>)
    case definition(String, Result<ECSTaskDefinition, AWSError>)
    case instances([String], [ECSContainerInstance], [ECSFault])
    case ec2([String], [EC2Instance], [ECSFault])
    case systemsManager([String], [SSMInstance], [ECSFault])
    case services([String], Result<[ECSService], AWSError>)
    case description(Result<ECSClusterDescription?, AWSError>)
    case interfaces([String], ECSInterfaces, [ECSFault])
    /// Nothing was asked: it is time to tell what is known.
    case pause

    /// Asks; `tasks` are those whose interfaces are asked for, added to what is `known` of such.
    static func to(
        _ question: ECSClusterPlan.Question, of cluster: String, _ api: ECSAPI, _ catalogue: ECSCatalogue,
        tasks: [ECSTask], known: ECSInterfaces, nowNs: UInt64
    ) async -> ECSAnswer {
        switch question {
        case .tasks(let arns):
            return .tasks(arns, await described(arns, of: cluster, api))
        case .gone(let arns):
            return .gone(arns, await described(arns, of: cluster, api))
        case .definition(let arn):
            return .definition(arn, await catalogue.definition(arn, for: cluster))
        case .instances(let arns):
            let answer = await catalogue.containerInstances(cluster: cluster, arns)
            return .instances(arns, answer.found, answer.faults)
        case .ec2(let ids):
            let answer = await catalogue.ec2(ids)
            return .ec2(ids, answer.found, answer.faults)
        case .systemsManager(let ids):
            let answer = await catalogue.systemsManager(ids)
            return .systemsManager(ids, answer.found, answer.faults)
        case .services(let names):
            do throws(AWSError) {
                let found = try await api.ecs.describeServices(cluster: cluster, services: names)
                return .services(names, .success(found))
            } catch {
                return .services(names, .failure(error))
            }
        case .description:
            do throws(AWSError) {
                return .description(.success(try await api.ecs.describeClusters([cluster]).first))
            } catch {
                return .description(.failure(error))
            }
        case .interfaces(let arns):
            var interfaces = known
            let faults = await interfaces.read(tasks, api, nowNs: nowNs)
            return .interfaces(arns, interfaces, faults)
        }
    }

    private static func described(
        _ arns: [String], of cluster: String, _ api: ECSAPI
    ) async -> Result<ECSTaskPage, AWSError> {
        do throws(AWSError) {
            return .success(try await api.ecs.describeTasks(cluster: cluster, arns: arns))
        } catch {
            return .failure(error)
        }
    }
}
