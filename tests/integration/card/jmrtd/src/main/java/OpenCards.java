// Opens one card after the other with JMRTD: PACE as EF.CardAccess says, then chip authentication where there is DG14.
// Each connection to the port is the next card. Prints a line a card.
// usage: OpenCards PORT COUNT CAN
import java.security.Security;
import java.util.Arrays;
import net.sf.scuba.smartcards.CardService;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.jmrtd.PACEKeySpec;
import org.jmrtd.PassportService;
import org.jmrtd.lds.CardAccessFile;
import org.jmrtd.lds.ChipAuthenticationInfo;
import org.jmrtd.lds.ChipAuthenticationPublicKeyInfo;
import org.jmrtd.lds.PACEInfo;
import org.jmrtd.lds.SecurityInfo;
import org.jmrtd.lds.icao.DG14File;
import org.jmrtd.protocol.PACEResult;

public class OpenCards {
  public static void main(String[] a) throws Exception {
    Security.insertProviderAt(new BouncyCastleProvider(), 1);
    for (int card = 0; card < Integer.parseInt(a[1]); card++) {
      try {
        System.out.println(open(Integer.parseInt(a[0]), a[2]));
      } catch (Exception e) {
        Throwable last = e;
        while (last.getCause() != null) last = last.getCause();
        System.out.println("failed " + e.getMessage() + " / " + last);
      }
    }
  }

  private static String open(int port, String can) throws Exception {
    PassportService service = new PassportService(new ReadCard.Link(port), 65536, 224, false, true);
    service.open();
    CardAccessFile access = new CardAccessFile(service.getInputStream(PassportService.EF_CARD_ACCESS, 224));
    PACEInfo pace = null;
    for (SecurityInfo info : access.getSecurityInfos()) if (info instanceof PACEInfo) pace = (PACEInfo) info;
    PACEResult result = service.doPACE(PACEKeySpec.createCANKey(can), pace.getObjectIdentifier(),
        PACEInfo.toParameterSpec(pace.getParameterId()), pace.getParameterId());
    service.sendSelectApplet(true);
    String said = pace.getObjectIdentifier() + " " + pace.getParameterId() + " " + result.getMappingType();
    DG14File dg14 = new DG14File(service.getInputStream(PassportService.EF_DG14, 224));
    ChipAuthenticationInfo info = null;
    ChipAuthenticationPublicKeyInfo chip = null;
    for (SecurityInfo one : dg14.getSecurityInfos()) {
      if (one instanceof ChipAuthenticationInfo) info = (ChipAuthenticationInfo) one;
      if (one instanceof ChipAuthenticationPublicKeyInfo) chip = (ChipAuthenticationPublicKeyInfo) one;
    }
    service.doEACCA(chip.getKeyId(), info.getObjectIdentifier(), chip.getObjectIdentifier(), chip.getSubjectPublicKey());
    int size = service.getInputStream(PassportService.EF_DG1, 224).readAllBytes().length;
    service.close();
    return said + " " + info.getObjectIdentifier() + " " + size;
  }
}
