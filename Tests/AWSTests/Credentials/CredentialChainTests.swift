import HTTPTransport
import Logging
import Platform
import TestSupport
import Testing

@testable import AWS

#if canImport(Glibc)
import Glibc
#endif

struct CredentialChainTests {
    static let environment = ["AWS_ACCESS_KEY_ID": "ENVID", "AWS_SECRET_ACCESS_KEY": "envsecret"]
    let clock = ManualClock()

    func chain(
        _ configuration: CredentialConfiguration = CredentialConfiguration(), _ environment: [String: String]
    ) -> CredentialChain {
        // No test may knock at a real metadata service.
        CredentialChain(
            configuration, environment: environment.merging(["AWS_EC2_METADATA_DISABLED": "true"]) { $1 },
            files: POSIXFiles(), http: ScriptedHTTP([.failure(HTTPError(.connect, "refused"))]),
            clock: clock, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test func theConfigurationsKeysComeFirst() async throws {
        let configuration = CredentialConfiguration(accessKeyID: "CONFID", secretAccessKey: "s", profile: "p")
        let keys = try await chain(configuration, Self.environment).credentials()
        #expect(keys == Credentials(accessKeyID: "CONFID", secretAccessKey: "s"))
    }

    @Test(arguments: [
        CredentialConfiguration(accessKeyID: "CONFID"), CredentialConfiguration(secretAccessKey: "hunter2"),
    ])
    func halfAKeyPairInTheConfigurationIsAFault(configuration: CredentialConfiguration) async {
        let error = await failure { () async throws(AWSError) in
            try await chain(configuration, Self.environment).credentials()
        }
        #expect(error?.code == .noCredentials)
        #expect(error?.message.contains("together") == true)
        #expect(error?.message.contains("hunter2") == false)
    }

    @Test func theEnvironmentComesBeforeTheFiles() async throws {
        try await withFolder { folder in
            try write(
                "[default]\naws_access_key_id=FILEID\naws_secret_access_key=s\n", to: "\(folder)/credentials")
            var environment = Self.environment
            environment["AWS_SHARED_CREDENTIALS_FILE"] = "\(folder)/credentials"
            environment["AWS_SESSION_TOKEN"] = "tok"
            let keys = try await chain(environment).credentials()
            #expect(
                keys == Credentials(accessKeyID: "ENVID", secretAccessKey: "envsecret", sessionToken: "tok"))
            // AWS_PROFILE alone does not outrank the environment's keys; a profile in the configuration does.
            environment["AWS_PROFILE"] = "default"
            #expect(try await chain(environment).credentials().accessKeyID == "ENVID")
            let named = CredentialConfiguration(profile: "default")
            #expect(try await chain(named, environment).credentials().accessKeyID == "FILEID")
        }
    }

    @Test func halfAKeyPairInTheEnvironmentIsAFault() async {
        let error = await failure { () async throws(AWSError) in
            try await chain(["AWS_ACCESS_KEY_ID": "ENVID", "AWS_SECRET_ACCESS_KEY": ""]).credentials()
        }
        #expect(error?.message.contains("AWS_SECRET_ACCESS_KEY") == true)
    }

    @Test func bothFilesMakeOneProfileAndTheCredentialsFileWins() async throws {
        try await withFolder { folder in
            try write(
                "[default]\nregion=eu-west-1\n[profile two]\nregion = eu-west-2\naws_access_key_id=C\n"
                    + "aws_secret_access_key=c\n[profile \"three 3\"]\naws_access_key_id=T\n"
                    + "aws_secret_access_key=t\n",
                to: "\(folder)/config")
            try write(
                "[default]\naws_access_key_id=D\naws_secret_access_key=d\naws_session_token=tok\n[two]\n"
                    + "aws_access_key_id=K\naws_secret_access_key=k\n", to: "\(folder)/credentials")
            let environment = [
                "AWS_SHARED_CREDENTIALS_FILE": "\(folder)/credentials", "AWS_CONFIG_FILE": "\(folder)/config",
            ]
            let standard = chain(environment)
            #expect(
                try await standard.credentials()
                    == Credentials(accessKeyID: "D", secretAccessKey: "d", sessionToken: "tok"))
            #expect(try await standard.profileRegion() == "eu-west-1")
            let two = chain(environment.merging(["AWS_PROFILE": "two"]) { $1 })
            #expect(try await two.credentials() == Credentials(accessKeyID: "K", secretAccessKey: "k"))
            #expect(try await two.profileRegion() == "eu-west-2")
            let three = chain(CredentialConfiguration(profile: "three 3"), environment)
            #expect(try await three.credentials().accessKeyID == "T")
            #expect(try await three.profileRegion() == nil)
        }
    }

    @Test func filesBelowHomeAreFound() async throws {
        try await withFolder { folder in
            try POSIXFiles().makeDirectory("\(folder)/.aws")
            try write(
                "[default]\naws_access_key_id=H\naws_secret_access_key=h\n", to: "\(folder)/.aws/credentials")
            #expect(try await chain(["HOME": folder]).credentials().accessKeyID == "H")
            let tilde = ["HOME": folder, "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials"]
            #expect(try await chain(tilde).credentials().accessKeyID == "H")
            try POSIXFiles().remove("\(folder)/.aws/credentials")
            // Safety: the string is bridged with a closing zero and lives through the call.
            _ = unsafe rmdir("\(folder)/.aws")
        }
    }

    @Test func aChangedFileIsReadAgainWithinASecondOrAfterARefusal() async throws {
        try await withFolder { folder in
            let path = "\(folder)/credentials"
            func put(_ id: String) throws {
                try write("[default]\naws_access_key_id=\(id)\naws_secret_access_key=s\n", to: path)
            }
            try put("ONE")
            let chain = chain(["AWS_SHARED_CREDENTIALS_FILE": path])
            let first = try await chain.credentials()
            #expect(first.accessKeyID == "ONE")
            try put("TWO")
            #expect(try await chain.credentials().accessKeyID == "ONE")
            clock.advance(ms: 1_000)
            #expect(try await chain.credentials().accessKeyID == "TWO")
            try put("SIX")
            await chain.reject(first)
            #expect(try await chain.credentials().accessKeyID == "SIX")
            // Gone or half written, as while another program writes it: the last ones serve on.
            try POSIXFiles().remove(path)
            clock.advance(ms: 1_000)
            #expect(try await chain.credentials().accessKeyID == "SIX")
            try write("[default]\naws_access_key_id=SEVEN\naws_sec", to: path)
            clock.advance(ms: 1_000)
            #expect(try await chain.credentials().accessKeyID == "SIX")
            try put("SEVEN")
            clock.advance(ms: 1_000)
            #expect(try await chain.credentials().accessKeyID == "SEVEN")
        }
    }

    @Test func aDamagedFileIsNamedWithItsLineAndWithoutItsText() async throws {
        try await withFolder { folder in
            try write("[default]\naws_access_key_id=A\nhunter2\n", to: "\(folder)/credentials")
            let error = await failure { () async throws(AWSError) in
                try await chain(["AWS_SHARED_CREDENTIALS_FILE": "\(folder)/credentials"]).credentials()
            }
            #expect(error?.description.contains("\(folder)/credentials:3") == true)
            #expect(error?.description.contains("hunter2") == false)
        }
    }

    @Test func anErrorSaysWhatWasTriedAndWhatToDo() async {
        let error = await failure { () async throws(AWSError) in
            try await chain(["HOME": "/nowhere"]).credentials()
        }
        #expect(error?.code == .noCredentials)
        for part in [
            "AWS_ACCESS_KEY_ID is not set", "/nowhere/.aws/credentials", "/nowhere/.aws/config", "task role",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_EC2_METADATA_DISABLED",
        ] {
            #expect(error?.message.contains(part) == true, "\(part)")
        }
        let homeless = await failure { () async throws(AWSError) in try await chain([:]).credentials() }
        #expect(homeless?.message.contains("HOME is not set") == true)
    }

    @Test(arguments: [
        ("[profile p]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=q\n", "source_profile q"),
        ("[profile p]\nrole_arn=arn:aws:iam::1:role/r\n", "needs source_profile"),
        ("[profile p]\nsso_session=corp\n", "cannot do"),
        ("[profile p]\naws_access_key_id=A\n", "aws_secret_access_key"),
        ("[profile p]\nregion=x\n", "aws_access_key_id"),
        ("[profile q]\n", "no profile p"),
    ])
    func aProfileAskedForThatCannotServeIsAFault(text: String, word: String) async throws {
        try await withFolder { folder in
            try write(text, to: "\(folder)/config")
            let error = await failure { () async throws(AWSError) in
                try await chain(
                    CredentialConfiguration(profile: "p"),
                    Self.environment.merging(["AWS_CONFIG_FILE": "\(folder)/config"]) { $1 }
                ).credentials()
            }
            #expect(error?.code == .noCredentials)
            #expect(error?.message.contains(word) == true, "\(error?.message ?? "")")
        }
    }

    private func chain(_ environment: [String: String]) -> CredentialChain {
        chain(CredentialConfiguration(), environment)
    }
}
