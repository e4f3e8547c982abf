import ca.uhn.fhir.batch2.api.IJobMaintenanceService;
import ca.uhn.fhir.batch2.jobs.export.BulkDataExportProvider;
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.interceptor.api.IInterceptorService;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.binary.api.IBinaryStorageSvc;
import ca.uhn.fhir.jpa.binary.interceptor.BinaryStorageInterceptor;
import ca.uhn.fhir.jpa.binary.provider.BinaryAccessProvider;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.provider.JpaSystemProvider;
import ca.uhn.fhir.jpa.model.config.SubscriptionSettings;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.jpa.subscription.submit.interceptor.SubscriptionSubmitInterceptorLoader;
import ca.uhn.fhir.jpa.test.config.TestR4Config;
import ca.uhn.fhir.rest.server.HardcodedServerAddressStrategy;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import java.util.Arrays;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.hl7.fhir.dstu2.model.Subscription.SubscriptionChannelType;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;

/**
 * HAPI FHIR's JPA server (R4, H2 in memory) with its defaults, on 127.0.0.1. Arguments: the port; "deletes" lets
 * referenced resources be deleted; "binaries" stores content of 20 bytes or more outside of its resource; "subscriptions"
 * turns rest-hook Subscriptions on; "exports" adds Bulk Data exports; "address=URL" is what links name, for a server
 * behind a proxy.
 */
public class HapiServer {
  public static void main(String[] arguments) throws Exception {
    TestR4Config.ourMaxThreads = 24; // database connections; the class draws 3 to 8 by chance
    var context = new AnnotationConfigApplicationContext(TestR4Config.class);
    var wanted = Arrays.asList(arguments);
    if (wanted.contains("deletes")) {
      context.getBean(JpaStorageSettings.class).setEnforceReferentialIntegrityOnDelete(false);
    }
    var fhir = context.getBean(FhirContext.class);
    var rest = new RestfulServer(fhir);
    rest.registerProviders(context.getBean("myResourceProvidersR4", ResourceProviderFactory.class).createProviders());
    rest.registerProvider(context.getBean(JpaSystemProvider.class));
    rest.setServerConformanceProvider(
        new JpaCapabilityStatementProvider(
            rest,
            context.getBean("mySystemDaoR4", IFhirSystemDao.class),
            context.getBean(JpaStorageSettings.class),
            context.getBean(ISearchParamRegistry.class),
            context.getBean("myDefaultProfileValidationSupport", IValidationSupport.class)));
    if (wanted.contains("binaries")) {
      context.getBean(IBinaryStorageSvc.class).setMinimumBinarySize(20);
      var interceptor = context.getBean(BinaryStorageInterceptor.class);
      interceptor.setAllowAutoInflateBinaries(false);
      context.getBean(IInterceptorService.class).registerInterceptor(interceptor);
      rest.registerProvider(context.getBean(BinaryAccessProvider.class));
    }
    if (wanted.contains("subscriptions")) {
      context.getBean(SubscriptionSettings.class).addSupportedSubscriptionType(SubscriptionChannelType.RESTHOOK);
      context.getBean(SubscriptionSubmitInterceptorLoader.class).start();
    }
    if (wanted.contains("exports")) {
      context.getBean(JpaStorageSettings.class).setEnableTaskBulkExportJobExecution(true);
      rest.registerProvider(context.getBean(BulkDataExportProvider.class));
      advanceJobs(context.getBean(IJobMaintenanceService.class));
    }
    wanted.stream()
        .filter(argument -> argument.startsWith("address="))
        .map(argument -> argument.substring("address=".length()))
        .forEach(address -> rest.setServerAddressStrategy(new HardcodedServerAddressStrategy(address)));
    rest.setPagingProvider(context.getBean(DatabaseBackedPagingProvider.class));
    var server = new Server();
    var connector = new ServerConnector(server);
    connector.setHost("127.0.0.1");
    connector.setPort(Integer.parseInt(arguments[0]));
    server.addConnector(connector);
    var handler = new ServletContextHandler();
    handler.addServlet(new ServletHolder(rest), "/fhir/*");
    server.setHandler(handler);
    server.start();
    server.join();
  }

  /** Moves jobs on every half second; by itself the server does it once a minute. */
  private static void advanceJobs(IJobMaintenanceService jobs) {
    var thread = new Thread(() -> {
      while (true) {
        try {
          Thread.sleep(500);
          jobs.forceMaintenancePass();
        } catch (InterruptedException e) {
          return;
        } catch (RuntimeException e) {
          System.err.println("maintenance pass: " + e.getClass().getSimpleName());
        }
      }
    });
    thread.setDaemon(true);
    thread.start();
  }
}
