import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.ConceptValidationOptions;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.ValidationSupportContext;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.SingleValidationMessage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r4.model.CodeSystem;
import org.hl7.fhir.r4.model.StructureDefinition;
import org.hl7.fhir.r4.model.ValueSet;
import org.hl7.fhir.r5.utils.validation.constants.BestPracticeWarningLevel;

/** Validates files with HAPI's validator; one JSON line a message on stdout. */
class Validate {
  private static final String OBSERVATION_VALUE =
      "http://terminology.hl7.org/CodeSystem/v3-ObservationValue";
  private static String current;

  /** @param args folder of unpacked FHIR packages, folder of resources */
  public static void main(String[] args) throws Exception {
    FhirContext context = FhirContext.forR4();
    FhirValidator validator = validatorOf(context, definitions(context, Path.of(args[0])));
    for (Path file : filesIn(Path.of(args[1]))) {
      current = file.getFileName().toString();
      for (SingleValidationMessage message :
          validator.validateWithResult(Files.readString(file)).getMessages()) {
        print(message.getSeverity().getCode(), message.getMessageId(),
            message.getLocationString(), message.getMessage());
      }
    }
  }

  /** R4's own copy is older than the AI labels: HL7 Terminology 6.0.0, v3-ObservationValue. */
  private static CodeSystem withAiAsserted(CodeSystem system) {
    CodeSystem newer = system.copy();
    newer.addConcept().setCode("AIAST").setDisplay("Artificial Intelligence asserted");
    return newer;
  }

  /** Value sets of which no expansion can be had here: what uses them is told, and passes. */
  private static final class OwnTerminology extends InMemoryTerminologyServerValidationSupport {
    OwnTerminology(FhirContext context) {
      super(context);
    }

    @Override
    public CodeValidationResult validateCodeInValueSet(
        ValidationSupportContext context, ConceptValidationOptions options,
        String system, String code, String display, IBaseResource valueSet) {
      CodeValidationResult result =
          super.validateCodeInValueSet(context, options, system, code, display, valueSet);
      boolean answered = result != null
          && (result.isOk() || !String.valueOf(result.getMessage()).contains("Unable to expand")
              && !String.valueOf(result.getMessage()).contains("not-present"));
      if (answered) {
        return result;
      }
      print("unchecked", ((ValueSet) valueSet).getUrl(), system, code);
      return new CodeValidationResult().setCode(code);
    }
  }

  private static FhirValidator validatorOf(
      FhirContext context, PrePopulatedValidationSupport profiles) {
    UnknownCodeSystemWarningValidationSupport unknown =
        new UnknownCodeSystemWarningValidationSupport(context);
    unknown.setNonExistentCodeSystemSeverity(
        ca.uhn.fhir.context.support.IValidationSupport.IssueSeverity.WARNING);
    DefaultProfileValidationSupport r4 = new DefaultProfileValidationSupport(context);
    profiles.addCodeSystem(withAiAsserted((CodeSystem) r4.fetchCodeSystem(OBSERVATION_VALUE)));
    ValidationSupportChain chain = new ValidationSupportChain(
        profiles,
        r4,
        new CommonCodeSystemsTerminologyService(context),
        new OwnTerminology(context),
        new SnapshotGeneratingValidationSupport(context),
        unknown);
    FhirInstanceValidator instance = new FhirInstanceValidator(chain);
    instance.setAnyExtensionsAllowed(true);
    instance.setErrorForUnknownProfiles(true);
    instance.setBestPracticeWarningLevel(BestPracticeWarningLevel.Warning);
    return context.newValidator().registerValidatorModule(instance);
  }

  private static PrePopulatedValidationSupport definitions(FhirContext context, Path folder)
      throws Exception {
    PrePopulatedValidationSupport profiles = new PrePopulatedValidationSupport(context);
    Map<String, StructureDefinition> read = new HashMap<>();
    for (Path file : filesIn(folder)) {
      String name = file.getFileName().toString();
      if (name.startsWith("StructureDefinition-")) {
        StructureDefinition profile =
            (StructureDefinition) context.newJsonParser().parseResource(Files.readString(file));
        read.put(profile.getUrl(), profile);
      } else if (name.startsWith("ValueSet-")) {
        profiles.addValueSet(context.newJsonParser().parseResource(Files.readString(file)));
      } else if (name.startsWith("CodeSystem-")) {
        profiles.addCodeSystem(context.newJsonParser().parseResource(Files.readString(file)));
      }
    }
    for (StructureDefinition profile : read.values()) {
      if (profile.hasDifferential() && hasAllBases(profile, read)) {
        profile.setSnapshot(null);  // made anew: some makers of packages get the minima of slices wrong
      }
      if (profile.hasSnapshot() || hasAllBases(profile, read)) {
        profiles.addStructureDefinition(profile);
      }
    }
    return profiles;
  }

  private static boolean hasAllBases(
      StructureDefinition profile, Map<String, StructureDefinition> read) {
    String base = profile.getBaseDefinition();
    return base.startsWith("http://hl7.org/fhir/StructureDefinition/")
        || read.containsKey(base) && hasAllBases(read.get(base), read);
  }

  private static List<Path> filesIn(Path folder) throws Exception {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(file -> file.toString().endsWith(".json")).sorted().toList();
    }
  }

  private static void print(String severity, String kind, String path, String text) {
    System.out.println("{\"file\":" + quoted(current) + ",\"severity\":" + quoted(severity)
        + ",\"kind\":" + quoted(kind) + ",\"path\":" + quoted(path) + ",\"text\":" + quoted(text) + "}");
  }

  private static String quoted(String text) {
    if (text == null) {
      return "\"\"";
    }
    StringBuilder quoted = new StringBuilder("\"");
    text.chars().forEach(c -> quoted.append(
        c == '"' || c == '\\' ? "\\" + (char) c : c < 0x20 || c > 0x7e ? String.format("\\u%04x", c) : "" + (char) c));
    return quoted.append('"').toString();
  }
}
