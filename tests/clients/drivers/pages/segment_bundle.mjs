// The package's own bundle for pages, under the name by which programs import the package.
import '/lib/client.js'

export const { AnalyticsBrowser } = self.AnalyticsNext
