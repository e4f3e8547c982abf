import ca.uhn.hl7v2.DefaultHapiContext;
import ca.uhn.hl7v2.HapiContext;
import ca.uhn.hl7v2.app.Connection;
import ca.uhn.hl7v2.model.Message;
import ca.uhn.hl7v2.model.v251.datatype.TX;
import ca.uhn.hl7v2.model.v251.group.ORU_R01_ORDER_OBSERVATION;
import ca.uhn.hl7v2.model.v251.message.ORU_R01;
import ca.uhn.hl7v2.model.v251.segment.OBR;
import ca.uhn.hl7v2.model.v251.segment.OBX;
import ca.uhn.hl7v2.model.v251.segment.PID;
import ca.uhn.hl7v2.util.Terser;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Builds an ORU^R01 with HAPI HL7v2's model and sends it over MLLP with its client. Arguments: the port, the filler
 * order number, the result status (OBR-25), the patient's number, a file with the text. It prints MSA-1, and ERR-3 if
 * there is one.
 */
public class SendResult {
  public static void main(String[] arguments) throws Exception {
    int port = Integer.parseInt(arguments[0]);
    ORU_R01 message = result(arguments[1], arguments[2], arguments[3], Files.readAllLines(Path.of(arguments[4])));
    try (HapiContext context = new DefaultHapiContext()) {
      Connection connection = context.newClient("127.0.0.1", port, false);
      connection.getInitiator().setTimeout(60, TimeUnit.SECONDS);
      Message answer = connection.getInitiator().sendAndReceive(message);
      Terser terser = new Terser(answer);
      String error = terser.get("/.ERR-3-1");
      System.out.println(terser.get("/.MSA-1") + (error == null ? "" : " " + error));
      connection.close();
    }
  }

  private static ORU_R01 result(String filler, String status, String patient, List<String> lines) throws Exception {
    ORU_R01 message = new ORU_R01();
    message.initQuickstart("ORU", "R01", "P");
    message.getMSH().getSendingApplication().getNamespaceID().setValue("LAB");
    message.getMSH().getSendingFacility().getNamespaceID().setValue("HOSP");
    message.getMSH().getCharacterSet(0).setValue("UNICODE UTF-8");
    PID pid = message.getPATIENT_RESULT().getPATIENT().getPID();
    pid.getPatientIdentifierList(0).getIDNumber().setValue(patient);
    pid.getPatientIdentifierList(0).getAssigningAuthority().getNamespaceID().setValue("HOSP");
    pid.getPatientIdentifierList(0).getIdentifierTypeCode().setValue("MR");
    ORU_R01_ORDER_OBSERVATION order = message.getPATIENT_RESULT().getORDER_OBSERVATION();
    OBR obr = order.getOBR();
    obr.getFillerOrderNumber().getEntityIdentifier().setValue(filler);
    obr.getUniversalServiceIdentifier().getIdentifier().setValue("11526-1");
    obr.getUniversalServiceIdentifier().getText().setValue("Pathology study");
    obr.getUniversalServiceIdentifier().getNameOfCodingSystem().setValue("LN");
    obr.getDiagnosticServSectID().setValue("SP");
    obr.getResultStatus().setValue(status);
    for (int line = 0; line < lines.size(); line++) {
      OBX obx = order.getOBSERVATION(line).getOBX();
      obx.getSetIDOBX().setValue(String.valueOf(line + 1));
      obx.getValueType().setValue("TX");
      obx.getObservationIdentifier().getIdentifier().setValue("11526-1");
      obx.getObservationIdentifier().getNameOfCodingSystem().setValue("LN");
      obx.getObservationResultStatus().setValue("F");
      TX text = new TX(message);
      text.setValue(lines.get(line));
      obx.getObservationValue(0).setData(text);
    }
    return message;
  }
}
