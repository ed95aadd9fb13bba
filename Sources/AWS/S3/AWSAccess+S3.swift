import Cryptography
import HTTPTransport

/// The calls to S3.
enum S3Operation: String, CaseIterable {
    case getObject = "GetObject"

    /// In an IAM policy.
    var iamAction: String { "s3:\(rawValue)" }
}

extension AWSAccess {
    /// The bytes of an object in S3, with the credentials and in the region that the environment gives. When
    /// the bucket is in another region, that one is asked.
    public func object(_ location: S3Location, limitBytes: Int) async throws(AWSError) -> [UInt8] {
        guard let region = await region(configured: nil) else {
            throw AWSError(
                .noRegion,
                message: "no region is known to ask S3 in; set AWS_REGION to the bucket's",
                operation: "S3.GetObject")
        }
        let credentials = credentials(CredentialConfiguration(region: region))
        do throws(AWSError) {
            return try await client(region: region, credentials: credentials)
                .object(location, limitBytes: limitBytes)
        } catch {
            guard case .otherRegion(let other) = error.code, other != region else { throw error }
            return try await client(region: other, credentials: credentials)
                .object(location, limitBytes: limitBytes)
        }
    }
}

extension AWSClient {
    /// GetObject.
    func object(_ location: S3Location, limitBytes: Int) async throws(AWSError) -> [UInt8] {
        let endpoint = try await endpointURL(of: .s3)
        let url = location.url(endpoint: endpoint, isGiven: try await isEndpointGiven(of: .s3))
        let call = try AWSCall(
            .s3, S3Operation.getObject.rawValue, method: .get, url: url,
            headers: [.init(name: "x-amz-content-sha256", value: SHA256.emptyHex)],
            answerLimitBytes: limitBytes)
        return try await perform(call, isSigned: true).body.bytes
    }
}
