/// Paths as text, without looking at the disk.
enum FilePath {
    /// What the name of a source that is no file begins with.
    private static let schemes = ["s3://", "ssm:", "secretsmanager:", "env:", "https://", "http://"]

    /// The folder a file lies in: `conf` for `conf/a.yml`, `.` for `a.yml` and for what is no file but, for
    /// instance, an object in S3.
    static func folder(of file: String) -> String {
        guard !schemes.contains(where: { file.lowercased().hasPrefix($0) }),
            let slash = file.lastIndex(of: "/")
        else { return "." }
        return slash == file.startIndex ? "/" : String(file[..<slash])
    }

    /// `path`, when relative taken from `folder`, with `.` and `..` resolved, as Go's filepath.Join does.
    static func resolve(_ path: String, from folder: String) -> String {
        path.hasPrefix("/") ? path : clean("\(folder)/\(path)")
    }

    private static func clean(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == "..", let last = parts.last, last != ".." {
                parts.removeLast()
            } else if part != ".." || !path.hasPrefix("/") {
                parts.append(part)
            }
        }
        let joined = parts.joined(separator: "/")
        if path.hasPrefix("/") { return "/" + joined }
        return joined.isEmpty ? "." : joined
    }
}
