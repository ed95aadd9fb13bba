/// Paths as text, without looking at the disk.
enum FilePath {
    /// The folder a file lies in: `conf` for `conf/a.yml`, `.` for `a.yml` and for what is no file but an
    /// object in S3.
    static func folder(of file: String) -> String {
        guard !file.hasPrefix("s3://"), let slash = file.lastIndex(of: "/") else { return "." }
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
