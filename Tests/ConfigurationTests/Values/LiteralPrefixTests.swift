import Testing

@testable import Configuration

struct LiteralPrefixTests {
    static let service = "__meta_ecs_tag_service_"

    @Test(arguments: [
        "(.+)", ".*", "", "__meta_(.+)", "__meta_ecs_(.+)", "__meta_ecs_tag_service_(.+)",
        "__meta_ecs_tag_service_team", "__meta_ecs_tag_(cluster|service)_(.*)", "__meta_ecs_tag_[st].*",
        "(?i)__META_ECS_TAG_SERVICE_(.+)", "x|__meta_ecs_tag_service_a", "(__meta_ecs_tag_service_a)",
        "__meta_ecsx?_tag_service_a", "__meta_ecs_tag_service_x*", "[|]|__meta_ecs_.+", "\\|x|__meta_ecs_.+",
        "^__meta_ecs_tag_service_a$", "__meta_ecs_tag_service__*a",
    ])
    func whatMayMatchIsFound(pattern: String) {
        #expect(LiteralPrefix.mayMatch(pattern, prefix: Self.service))
    }

    @Test(arguments: [
        "__meta_ecs_tag_task_(.+)", "__meta_ecs_container_labels_(.+)", "a(b|__meta_ecs_tag_service_x)",
        "__meta_kubernetes_(.+)", "abc|def", "a[|]__meta_ecs_.*", "__meta_ecs_task\\|__meta",
    ])
    func whatCannotMatchIsNotAskedFor(pattern: String) {
        #expect(!LiteralPrefix.mayMatch(pattern, prefix: Self.service))
    }
}
