/// What the requests of one sender to one URL have in common when they are signed: see
/// `SigV4Signer.template(method:url:headers:)`. Holds no credentials.
public struct SigningTemplate: Sendable {
    let canonical: CanonicalTemplate
}
