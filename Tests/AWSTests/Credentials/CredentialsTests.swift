import AWS
import Testing

struct CredentialsTests {
    @Test func neitherDescriptionNorMirrorShowsASecret() {
        let keys = Credentials(accessKeyID: "AKID", secretAccessKey: "hunter2", sessionToken: "tokentoken")
        var dumped = ""
        dump(keys, to: &dumped)
        for text in ["\(keys)", String(reflecting: keys), dumped, "\([keys])", "\(Optional(keys) as Any)"] {
            #expect(text.contains("AKID"))
            #expect(!text.contains("hunter2"))
            #expect(!text.contains("tokentoken"))
        }
        let configuration = CredentialConfiguration(accessKeyID: "AKID", secretAccessKey: "hunter2")
        #expect(!"\(configuration)".contains("hunter2"))
        dumped = ""
        dump(configuration, to: &dumped)
        #expect(!dumped.contains("hunter2"))
        #expect(!String(reflecting: configuration).contains("hunter2"))
    }
}
