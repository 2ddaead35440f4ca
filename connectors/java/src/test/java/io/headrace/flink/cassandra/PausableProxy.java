package io.headrace.flink.cassandra;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** A TCP proxy before Cassandra that can hold its bytes back, or refuse and cut all connections. */
final class PausableProxy implements AutoCloseable {

    private static final int CHUNK = 64 * 1024;

    private final String target;
    private final int port;
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    private volatile ServerSocket server;
    private boolean paused;

    PausableProxy(String target) throws IOException {
        this.target = target;
        listen(0);
        this.port = server.getLocalPort();
    }

    String contactPoint() {
        return "127.0.0.1:" + port;
    }

    /** From now on the answers of Cassandra stay here; requests still reach it. */
    synchronized void holdAnswers() {
        paused = true;
    }

    synchronized void letAnswersPass() {
        paused = false;
        notifyAll();
    }

    /** Cuts every connection and refuses new ones. */
    void goDown() throws IOException {
        server.close();
        for (Socket socket : sockets) {
            socket.close();
        }
        sockets.clear();
    }

    void comeBack() throws IOException {
        listen(port);
    }

    @Override
    public void close() throws IOException {
        letAnswersPass();
        goDown();
    }

    private void listen(int onPort) throws IOException {
        ServerSocket opened = new ServerSocket();
        opened.setReuseAddress(true);
        opened.bind(new java.net.InetSocketAddress(InetAddress.getLoopbackAddress(), onPort));
        server = opened;
        start(() -> accept(opened));
    }

    private void accept(ServerSocket from) throws IOException {
        while (true) {
            Socket client = from.accept();
            Socket cassandra = new Socket(ContactPoints.host(target), ContactPoints.port(target));
            sockets.addAll(List.of(client, cassandra));
            start(() -> copy(client, cassandra, false));
            start(() -> copy(cassandra, client, true));
        }
    }

    private void copy(Socket from, Socket to, boolean answers) throws IOException, InterruptedException {
        try (from; to) {
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            byte[] chunk = new byte[CHUNK];
            for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
                if (answers) {
                    awaitRelease();
                }
                out.write(chunk, 0, n);
            }
        }
    }

    private synchronized void awaitRelease() throws InterruptedException {
        while (paused) {
            wait();
        }
    }

    private static void start(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (IOException | InterruptedException e) {
                // A cut connection is what the proxy is for.
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    private interface Work {
        void run() throws IOException, InterruptedException;
    }
}
