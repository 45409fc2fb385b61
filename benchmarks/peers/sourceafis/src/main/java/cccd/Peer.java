package cccd;

import com.machinezoo.sourceafis.FingerprintCompatibility;
import com.machinezoo.sourceafis.FingerprintMatcher;
import com.machinezoo.sourceafis.FingerprintTemplate;
import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Scores sets of templates with SourceAFIS, one thread, each probe prepared once. Commands on standard input:
 *
 * <pre>
 * set LIST      reads LIST, lines of "finger TAB path" with one finger's lines beside each other
 * score FILE    scores each unordered pair once, in the order of the list, into FILE (big-endian doubles)
 * </pre>
 *
 * Each is answered by one line: "set templates" or
 * "scored genuinePairs genuineNanos impostorPairs impostorNanos prepareNanos".
 */
public final class Peer {
    private final List<String> fingers = new ArrayList<>();
    private final List<FingerprintTemplate> templates = new ArrayList<>();

    public static void main(String[] arguments) throws IOException {
        Peer peer = new Peer();
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            String[] command = line.split(" ", 2);
            String answer = switch (command[0]) {
                case "set" -> peer.set(Path.of(command[1]));
                case "score" -> peer.score(Path.of(command[1]));
                default -> throw new IllegalArgumentException("unknown command");
            };
            System.out.println(answer);
            System.out.flush();
        }
    }

    private String set(Path list) throws IOException {
        fingers.clear();
        templates.clear();
        for (String line : Files.readAllLines(list, StandardCharsets.UTF_8)) {
            String[] parts = line.split("\t", 2);
            fingers.add(parts[0]);
            templates.add(FingerprintCompatibility.importTemplate(Files.readAllBytes(Path.of(parts[1]))));
        }
        return "set " + templates.size();
    }

    private String score(Path file) throws IOException {
        int count = templates.size();
        double[] scores = new double[count];
        long genuinePairs = 0;
        long genuineNanos = 0;
        long impostorPairs = 0;
        long impostorNanos = 0;
        long prepareNanos = 0;
        try (DataOutputStream out = new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(file)))) {
            for (int probe = 0; probe < count; probe++) {
                int end = probe + 1;
                while (end < count && fingers.get(end).equals(fingers.get(probe))) {
                    end++;
                }
                long start = System.nanoTime();
                FingerprintMatcher matcher = new FingerprintMatcher(templates.get(probe));
                long prepared = System.nanoTime();
                for (int candidate = probe + 1; candidate < end; candidate++) {
                    scores[candidate] = matcher.match(templates.get(candidate));
                }
                long genuine = System.nanoTime();
                for (int candidate = end; candidate < count; candidate++) {
                    scores[candidate] = matcher.match(templates.get(candidate));
                }
                impostorNanos += System.nanoTime() - genuine;
                genuineNanos += genuine - prepared;
                prepareNanos += prepared - start;
                genuinePairs += end - probe - 1;
                impostorPairs += count - end;
                for (int candidate = probe + 1; candidate < count; candidate++) {
                    out.writeDouble(scores[candidate]);
                }
            }
        }
        return "scored " + genuinePairs + " " + genuineNanos + " " + impostorPairs + " " + impostorNanos + " " + prepareNanos;
    }
}
