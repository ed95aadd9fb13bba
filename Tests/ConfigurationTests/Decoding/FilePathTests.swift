import Testing

@testable import Configuration

@Suite struct FilePathTests {
    @Test(arguments: [
        ("a.yml", "conf", "conf/a.yml"), ("./a.yml", "conf", "conf/a.yml"), ("../a.yml", "conf", "a.yml"),
        ("../../a.yml", "conf", "../a.yml"), ("../a.yml", ".", "../a.yml"),
        ("a/../b/*.yml", "/etc", "/etc/b/*.yml"),
        ("../../a.yml", "/etc", "/a.yml"), ("/x/../a.yml", "conf", "/x/../a.yml"), ("a.yml", "/", "/a.yml"),
    ])
    func resolvesAsGoDoes(path: String, folder: String, expected: String) {
        #expect(FilePath.resolve(path, from: folder) == expected)
    }

    @Test(arguments: [
        ("a.yml", "."), ("conf/a.yml", "conf"), ("/a.yml", "/"), ("/etc/x/a.yml", "/etc/x"),
        ("s3://b/k/a.yml", "."), ("ssm:/a/b", "."), ("secretsmanager:a/b", "."), ("env:A", "."),
        ("https://h/a/b.yml", "."), ("HTTP://h/a", "."),
    ])
    func findsTheFolder(file: String, folder: String) {
        #expect(FilePath.folder(of: file) == folder)
    }
}
