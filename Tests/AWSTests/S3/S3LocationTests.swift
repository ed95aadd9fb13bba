import Testing

@testable import AWS

struct S3LocationTests {
    @Test func aBucketAndAKeyAreTakenApart() throws {
        let location = try S3Location("s3://shop-config/eu/narthex.yml")
        #expect(location.bucket == "shop-config")
        #expect(location.key == "eu/narthex.yml")
        #expect(try S3Location("s3://b.1/a?b=c#d").key == "a?b=c#d")
        #expect(try S3Location("s3://abc//a/").key == "/a/")
    }

    @Test(arguments: [
        "s3:///key", "s3://ab/key", "s3://Shop/key", "s3://-ab/key", "s3://ab-/key", "s3://a_b/key",
        "s3://user@host/key", "s3://abc", "s3://abc/", "/etc/narthex.yml", "s3://a:80/key",
        "s3://\(String(repeating: "a", count: 64))/key", "s3://abc/\(String(repeating: "k", count: 1_025))",
    ])
    func whatNamesNoObjectIsRefused(text: String) {
        #expect(throws: AWSError.self) { try S3Location(text) }
    }

    @Test func theBucketIsInTheHostWhereItCanBe() throws {
        func url(_ text: String, _ endpoint: String, isGiven: Bool = false) throws -> String {
            try S3Location(text).url(endpoint: endpoint, isGiven: isGiven)
        }
        let aws = "https://s3.eu-west-1.amazonaws.com"
        #expect(try url("s3://abc/a/b.yml", aws) == "https://abc.s3.eu-west-1.amazonaws.com/a/b.yml")
        #expect(try url("s3://a.bc/a.yml", aws) == "\(aws)/a.bc/a.yml")
        for given in ["https://vpce-1.s3.x", "http://127.0.0.1:1"] {
            #expect(try url("s3://abc/a.yml", given, isGiven: true) == "\(given)/abc/a.yml")
        }
    }

    /// Encoded once, and nothing of the path resolved: in S3 a key may hold `..` and empty segments.
    @Test func theKeyIsEncodedOnceAndLeftAsItIs() throws {
        let location = try S3Location("s3://abc/a b/../ü+%20?//c*.yml")
        #expect(
            location.url(endpoint: "http://h", isGiven: true)
                == "http://h/abc/a%20b/../%C3%BC%2B%2520%3F//c%2A.yml")
    }
}
