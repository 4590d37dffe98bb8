// One real search server in this JVM, without its distribution: java -cp 'lib/*' SearchNode HOME HTTP_PORT
//
// `%PACKAGE%` and `%NODE%` are filled in by xtask/src/services/search_node.rs: OpenSearch and Elasticsearch share this
// much of their code. Ends when its standard input does, so that no server outlives who started it.
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import %PACKAGE%.common.settings.Settings;
import %PACKAGE%.env.Environment;
import %PACKAGE%.plugins.Plugin;
import %NODE%;

public final class SearchNode {
  private static final String[] MODULES = {
    "transport.Netty4Plugin", "analysis.common.CommonAnalysisPlugin", "ingest.common.IngestCommonPlugin",
    "ingest.useragent.IngestUserAgentPlugin", "painless.PainlessPlugin", "script.mustache.MustachePlugin",
    "script.expression.ExpressionPlugin", "index.reindex.ReindexPlugin", "index.mapper.MapperExtrasPlugin",
    "join.ParentJoinPlugin", "percolator.PercolatorPlugin", "geo.GeoModulePlugin",
  };

  public static void main(String[] arguments) throws Exception {
    Path home = Path.of(arguments[0]).toAbsolutePath();
    for (String directory : List.of("config", "data", "logs", "repo")) {
      Files.createDirectories(home.resolve(directory));
    }
    int port = Integer.parseInt(arguments[1]);
    Settings settings = Settings.builder()
        .put("path.home", home.toString())
        .put("path.data", home.resolve("data").toString())
        .put("path.logs", home.resolve("logs").toString())
        .putList("path.repo", home.resolve("repo").toString())
        .put("cluster.name", "vigie-xtask-" + port)
        .put("node.name", "node-1")
        .put("discovery.type", "single-node")
        .put("network.host", "127.0.0.1")
        .put("http.port", port)
        .put("transport.port", "0")
        .put("http.type", "netty4")
        .put("transport.type", "netty4")
        .put("cluster.routing.allocation.disk.threshold_enabled", false)
        .build();
    List<Class<? extends Plugin>> plugins = new ArrayList<>();
    for (String module : MODULES) {
      try {
        plugins.add(Class.forName("%PACKAGE%." + module).asSubclass(Plugin.class));
      } catch (ClassNotFoundException absent) {
        System.err.println("this server has no " + module);
      }
    }
    try (var node = new %NODE_NAME%(new Environment(settings, home.resolve("config")), plugins)) {
      node.start();
      while (System.in.read() >= 0) { }
    }
    System.exit(0);
  }
}
