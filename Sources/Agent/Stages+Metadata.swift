import MetricModel
import Scrape
import StatusServer

extension Stages {
    func eachTargetMetadata(
        _ query: TargetMetadataQuery, _ take: (TargetMetadata) -> Bool
    ) throws(StatusQueryError) {
        let selector: TargetSelector?
        do throws(TargetSelector.Fault) {
            selector = query.matchTarget.isEmpty ? nil : try TargetSelector(query.matchTarget)
        } catch {
            throw StatusQueryError(message: error.message)
        }
        for job in jobs {
            for target in job.pool.targets where selector?.contains(target.labels) ?? true {
                let labels = target.labels.labels.map { (name: $0.name, value: $0.value) }
                for family in target.metadata() where query.metric.isEmpty || family.family == query.metric {
                    let entry = TargetMetadata(
                        labels: labels, family: family.family, type: family.type, help: family.help,
                        unit: family.unit)
                    guard take(entry) else { return }
                }
            }
        }
    }
}
