/// A part of AWS with accounts, names and hosts of its own.
struct Partition: Sendable, Equatable {
    let name: String
    /// What its regions begin with.
    let regionPrefixes: [String]
    let suffix: String
    let dualStackSuffix: String

    /// The partition of a region; one nobody has heard of is taken to be of `aws`.
    static func of(region: String) -> Partition {
        all.first { partition in partition.regionPrefixes.contains { region.hasPrefix($0) } } ?? aws
    }

    /// From botocore's partitions.json.
    static let aws = Partition(
        name: "aws", regionPrefixes: [], suffix: "amazonaws.com", dualStackSuffix: "api.aws")
    static let all = [
        Partition(
            name: "aws-us-gov", regionPrefixes: ["us-gov-"], suffix: "amazonaws.com",
            dualStackSuffix: "api.aws"),
        Partition(
            name: "aws-cn", regionPrefixes: ["cn-"], suffix: "amazonaws.com.cn",
            dualStackSuffix: "api.amazonwebservices.com.cn"),
        Partition(
            name: "aws-eusc", regionPrefixes: ["eusc-"], suffix: "amazonaws.eu",
            dualStackSuffix: "api.amazonwebservices.eu"),
        Partition(
            name: "aws-iso", regionPrefixes: ["us-iso-"], suffix: "c2s.ic.gov",
            dualStackSuffix: "api.aws.ic.gov"),
        Partition(
            name: "aws-iso-b", regionPrefixes: ["us-isob-"], suffix: "sc2s.sgov.gov",
            dualStackSuffix: "api.aws.scloud"),
        Partition(
            name: "aws-iso-e", regionPrefixes: ["eu-isoe-"], suffix: "cloud.adc-e.uk",
            dualStackSuffix: "api.cloud-aws.adc-e.uk"),
        Partition(
            name: "aws-iso-f", regionPrefixes: ["us-isof-"], suffix: "csp.hci.ic.gov",
            dualStackSuffix: "api.aws.hci.ic.gov"),
        aws,
    ]
}
