import FoundationEssentials
import Testing

@testable import AWS

/// config/iam and the calls of the code say the same.
@Suite struct DiscoveryOperationTests {
    private struct Policy: Decodable {
        struct Statement: Decodable {
            let effect: String
            let actions: [String]

            private enum CodingKeys: String, CodingKey {
                case effect = "Effect"
                case actions = "Action"
            }
        }
        let statements: [Statement]

        private enum CodingKeys: String, CodingKey {
            case statements = "Statement"
        }
    }

    private func actions(_ name: String) throws -> Set<String> {
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        let index = try #require(parts.lastIndex(of: "Tests"))
        let path = parts[..<index].joined(separator: "/") + "/config/iam/\(name).json"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let policy = try JSONDecoder().decode(Policy.self, from: Data(text.utf8))
        #expect(policy.statements.allSatisfy { $0.effect == "Allow" })
        return Set(policy.statements.flatMap(\.actions))
    }

    @Test func thePoliciesOfDiscoveryAllowWhatItCallsAndNoMore() throws {
        let features: [String: [DiscoveryOperation]] = [
            "ecs-tasks": [.listTasks, .describeTasks, .describeTaskDefinition],
            "ecs-all-clusters": [.listClusters],
            "ecs-instances": [.describeContainerInstances, .describeInstances],
            "ecs-public-addresses": [.describeNetworkInterfaces],
            "ec2-instances": [.describeInstances, .describeAvailabilityZones],
            "ecs-anywhere": [.describeContainerInstances, .describeInstanceInformation],
            "ecs-service-labels": [.describeServices],
            "ecs-cluster-labels": [.describeClusters],
        ]
        for (name, operations) in features {
            #expect(try actions(name) == Set(operations.map(\.iamAction)), "\(name)")
        }
        #expect(Set(features.values.flatMap { $0 }) == Set(DiscoveryOperation.allCases))
        let objects = Set(S3Operation.allCases.map(\.iamAction))
        #expect(try actions("config-s3") == objects)
        #expect(try actions("config-ssm") == [DocumentOperation.getParameter.iamAction])
        #expect(try actions("config-secretsmanager") == [DocumentOperation.getSecretValue.iamAction])
        let all = Set(DiscoveryOperation.allCases.map(\.iamAction)).union(objects)
            .union(DocumentOperation.allCases.map(\.iamAction)).union(["aps:RemoteWrite"])
        #expect(try actions("all") == all)
        #expect(try actions("remote-write") == ["aps:RemoteWrite"])
        #expect(try actions("assume-role") == ["sts:AssumeRole"])
    }

    @Test func actionsAreNamedAsIAMNamesThem() {
        #expect(DiscoveryOperation.listTasks.iamAction == "ecs:ListTasks")
        #expect(DiscoveryOperation.describeInstances.iamAction == "ec2:DescribeInstances")
        #expect(
            DiscoveryOperation.describeInstanceInformation.iamAction == "ssm:DescribeInstanceInformation")
    }
}
