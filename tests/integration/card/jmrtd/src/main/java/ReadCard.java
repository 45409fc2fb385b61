// Reads a whole card with JMRTD over a TCP socket (length in four bytes, then the APDU) and prints what held.
// usage: ReadCard PORT can|mrz|bac CAN NUMBER BIRTH EXPIRY LONGEST_ANSWER BLOCK SHORT_IDENTIFIERS TERMINAL
// TERMINAL is a folder: verifier.cvcert, system.cvcert, key.der (PKCS #8) of an inspection system.
import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.Security;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import net.sf.scuba.smartcards.CardService;
import net.sf.scuba.smartcards.CardServiceException;
import net.sf.scuba.smartcards.CommandAPDU;
import net.sf.scuba.smartcards.ResponseAPDU;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.DERSequence;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.ejbca.cvc.CVCertificate;
import org.ejbca.cvc.CertificateParser;
import org.jmrtd.BACKey;
import org.jmrtd.PACEKeySpec;
import org.jmrtd.PassportService;
import org.jmrtd.cert.CVCPrincipal;
import org.jmrtd.cert.CardVerifiableCertificate;
import org.jmrtd.lds.CVCAFile;
import org.jmrtd.lds.CardAccessFile;
import org.jmrtd.lds.ChipAuthenticationInfo;
import org.jmrtd.lds.ChipAuthenticationPublicKeyInfo;
import org.jmrtd.lds.PACEInfo;
import org.jmrtd.lds.SODFile;
import org.jmrtd.lds.SecurityInfo;
import org.jmrtd.lds.icao.COMFile;
import org.jmrtd.lds.icao.DG14File;
import org.jmrtd.lds.icao.DG15File;
import org.jmrtd.lds.icao.DG1File;
import org.jmrtd.lds.icao.DG2File;
import org.jmrtd.protocol.EACCAResult;
import org.jmrtd.protocol.PACEResult;

public class ReadCard {
  static class Link extends CardService {
    private final int port;
    private DataInputStream in;
    private DataOutputStream out;

    Link(int port) { this.port = port; }

    public void open() throws CardServiceException {
      try {
        Socket socket = new Socket("127.0.0.1", port);
        socket.setTcpNoDelay(true);
        in = new DataInputStream(socket.getInputStream());
        out = new DataOutputStream(socket.getOutputStream());
      } catch (IOException e) { throw new CardServiceException(e.toString()); }
    }

    public ResponseAPDU transmit(CommandAPDU command) throws CardServiceException {
      try {
        byte[] raw = command.getBytes();
        out.writeInt(raw.length);
        out.write(raw);
        out.flush();
        byte[] answer = new byte[in.readInt()];
        in.readFully(answer);
        return new ResponseAPDU(answer);
      } catch (IOException e) { throw new CardServiceException(e.toString()); }
    }

    public boolean isOpen() { return out != null; }
    public byte[] getATR() { return new byte[] {0x3b, 0}; }
    public void close() { }
    public boolean isConnectionLost(Exception e) { return false; }
    public boolean isExtendedAPDULengthSupported() { return true; }
  }

  static class Certificate extends CardVerifiableCertificate {
    Certificate(CVCertificate parsed) { super(parsed); }
  }

  public static void main(String[] a) throws Exception {
    Security.insertProviderAt(new BouncyCastleProvider(), 1);
    int block = Integer.parseInt(a[7]);
    PassportService service = new PassportService(
        new Link(Integer.parseInt(a[0])), Integer.parseInt(a[6]), block, Boolean.parseBoolean(a[8]), true);
    service.open();
    BACKey key = new BACKey(a[3], a[4], a[5]);
    PACEResult opened = null;
    if (a[1].equals("bac")) {
      service.sendSelectApplet(false);
      service.doBAC(key);
    } else {
      CardAccessFile access = new CardAccessFile(service.getInputStream(PassportService.EF_CARD_ACCESS, block));
      PACEInfo pace = null;
      for (SecurityInfo info : access.getSecurityInfos()) if (info instanceof PACEInfo) pace = (PACEInfo) info;
      PACEKeySpec password = a[1].equals("can") ? PACEKeySpec.createCANKey(a[2]) : PACEKeySpec.createMRZKey(key);
      opened = service.doPACE(password, pace.getObjectIdentifier(), PACEInfo.toParameterSpec(pace.getParameterId()),
          pace.getParameterId());
      service.sendSelectApplet(true);
    }
    System.out.println("files " + new COMFile(service.getInputStream(PassportService.EF_COM, block)).getTagList().length);
    SODFile sod = new SODFile(service.getInputStream(PassportService.EF_SOD, block));
    MessageDigest digest = MessageDigest.getInstance(sod.getDigestAlgorithm());
    DG14File dg14 = null;
    DG15File dg15 = null;
    for (Map.Entry<Integer, byte[]> hash : sod.getDataGroupHashes().entrySet()) {
      int number = hash.getKey();
      if (number == 3) continue;
      byte[] content = service.getInputStream((short) (0x100 + number), block).readAllBytes();
      System.out.println("DG" + number + " " + Arrays.equals(digest.digest(content), hash.getValue()));
      ByteArrayInputStream stream = new ByteArrayInputStream(content);
      if (number == 1) System.out.println("number " + new DG1File(stream).getMRZInfo().getDocumentNumber());
      if (number == 2) System.out.println("faces " + new DG2File(stream).getFaceInfos().size());
      if (number == 14) dg14 = new DG14File(stream);
      if (number == 15) dg15 = new DG15File(stream);
    }
    byte[] nonce = new byte[8];
    new SecureRandom().nextBytes(nonce);
    byte[] plain = service.doAA(dg15.getPublicKey(), "SHA-256", "SHA256withECDSA", nonce).getResponse();
    int half = plain.length / 2;
    DERSequence signature = new DERSequence(new ASN1Encodable[] {
        new ASN1Integer(new BigInteger(1, Arrays.copyOf(plain, half))),
        new ASN1Integer(new BigInteger(1, Arrays.copyOfRange(plain, half, plain.length)))});
    Signature verifier = Signature.getInstance("SHA256withECDSA", "BC");
    verifier.initVerify(dg15.getPublicKey());
    verifier.update(nonce);
    System.out.println("active authentication " + verifier.verify(signature.getEncoded()));
    ChipAuthenticationInfo info = null;
    ChipAuthenticationPublicKeyInfo chip = null;
    for (SecurityInfo one : dg14.getSecurityInfos()) {
      if (one instanceof ChipAuthenticationInfo) info = (ChipAuthenticationInfo) one;
      if (one instanceof ChipAuthenticationPublicKeyInfo) chip = (ChipAuthenticationPublicKeyInfo) one;
    }
    EACCAResult proof = service.doEACCA(chip.getKeyId(), info.getObjectIdentifier(), chip.getObjectIdentifier(), chip.getSubjectPublicKey());
    byte[] again = service.getInputStream(PassportService.EF_DG1, block).readAllBytes();
    System.out.println("chip authentication " + (again.length > 0));
    try {
      service.getInputStream(PassportService.EF_DG3, block).readAllBytes();
      System.out.println("DG3 open to everybody");
    } catch (Exception e) { System.out.println("DG3 shut"); }
    List<CardVerifiableCertificate> chain = new ArrayList<>();
    for (String name : List.of("verifier.cvcert", "system.cvcert")) {
      byte[] raw = Files.readAllBytes(Path.of(a[9], name));
      chain.add(new Certificate(CertificateParser.parseCertificate(raw)));
    }
    PrivateKey own = KeyFactory.getInstance("EC", "BC").generatePrivate(
        new PKCS8EncodedKeySpec(Files.readAllBytes(Path.of(a[9], "key.der"))));
    CVCPrincipal authority = new CVCAFile(service.getInputStream(PassportService.EF_CVCA, block)).getCAReference();
    System.out.println("trust point " + authority.getName() + " " + chain.get(1).getAuthorizationTemplate().getAccessRight());
    if (opened == null) {
      service.doEACTA(authority, chain, own, "SHA256withECDSA", proof, a[3]);
    } else {
      service.doEACTA(authority, chain, own, "SHA256withECDSA", proof, opened);
    }
    byte[] fingers = service.getInputStream(PassportService.EF_DG3, block).readAllBytes();
    System.out.println("DG3 " + Arrays.equals(digest.digest(fingers), sod.getDataGroupHashes().get(3)));
  }
}
