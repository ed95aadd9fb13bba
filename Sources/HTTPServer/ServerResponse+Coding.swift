internal import Compression

extension ServerResponse {
    /// Codes the body as gzip where the client takes that. What decides is told in `Vary` by the caller.
    public mutating func code(for request: ServerRequest) {
        guard
            request.headers.weighted("Accept-Encoding").contains(where: { $0.name == "gzip" && $0.weight > 0 }
            ),
            // Without memory for it the page goes as it is.
            let coded = Gzip.encode(body.span)
        else { return }
        body = coded
        headers.add("Content-Encoding", "gzip")
    }
}
