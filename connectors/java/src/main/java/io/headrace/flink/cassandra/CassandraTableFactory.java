package io.headrace.flink.cassandra;

import com.datastax.oss.driver.api.core.DefaultConsistencyLevel;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.factories.DynamicTableSinkFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.types.DataType;

/** Makes sinks for {@code 'connector' = 'headrace-cassandra'}. */
public final class CassandraTableFactory implements DynamicTableSinkFactory {

    public static final String IDENTIFIER = "headrace-cassandra";

    @Override
    public String factoryIdentifier() {
        return IDENTIFIER;
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of(
                CassandraConnectorOptions.CONTACT_POINTS,
                CassandraConnectorOptions.KEYSPACE,
                CassandraConnectorOptions.TABLE);
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        Set<ConfigOption<?>> options = new HashSet<>();
        options.add(CassandraConnectorOptions.LOCAL_DATACENTER);
        options.add(CassandraConnectorOptions.USERNAME);
        options.add(CassandraConnectorOptions.PASSWORD);
        options.add(CassandraConnectorOptions.CONSISTENCY);
        options.add(CassandraConnectorOptions.MAX_IN_FLIGHT);
        options.add(CassandraConnectorOptions.BUFFER_MEMORY);
        options.add(CassandraConnectorOptions.FLUSH_INTERVAL);
        options.add(CassandraConnectorOptions.RETRY_TIMEOUT);
        options.add(CassandraConnectorOptions.VERSIONS);
        options.add(FactoryUtil.SINK_PARALLELISM);
        return options;
    }

    @Override
    public DynamicTableSink createDynamicTableSink(Context context) {
        FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
        helper.validateExcept(CassandraConnectorOptions.DRIVER_PREFIX);
        ReadableConfig options = helper.getOptions();
        DataType physical = context.getPhysicalRowDataType();
        return new CassandraDynamicSink(
                connection(options, context.getCatalogTable().getOptions()),
                delivery(options),
                options.get(CassandraConnectorOptions.TABLE),
                physical,
                keyColumns(physical, context.getPrimaryKeyIndexes()),
                options.get(CassandraConnectorOptions.VERSIONS),
                options.getOptional(FactoryUtil.SINK_PARALLELISM).orElse(null));
    }

    private static List<String> keyColumns(DataType physical, int[] indexes) {
        List<String> names = DataType.getFieldNames(physical);
        return Arrays.stream(indexes).mapToObj(names::get).toList();
    }

    private static ConnectionSettings connection(ReadableConfig options, Map<String, String> all) {
        String username = options.get(CassandraConnectorOptions.USERNAME);
        String password = options.get(CassandraConnectorOptions.PASSWORD);
        if ((username == null) != (password == null)) {
            throw new ValidationException(
                    "Options 'username' and 'password' belong together; found only '"
                            + (username == null ? "password" : "username")
                            + "'. Set both, or neither.");
        }
        return new ConnectionSettings(
                ContactPoints.parse(options.get(CassandraConnectorOptions.CONTACT_POINTS)),
                options.get(CassandraConnectorOptions.LOCAL_DATACENTER),
                options.get(CassandraConnectorOptions.KEYSPACE),
                username,
                password,
                consistency(options.get(CassandraConnectorOptions.CONSISTENCY)),
                driverOptions(all));
    }

    private static String consistency(String text) {
        try {
            return DefaultConsistencyLevel.valueOf(text.trim().toUpperCase(Locale.ROOT)).name();
        } catch (IllegalArgumentException e) {
            throw new ValidationException(
                    "Option 'consistency' names no consistency level: expected one of "
                            + Arrays.toString(DefaultConsistencyLevel.values()) + ", found '" + text + "'.",
                    e);
        }
    }

    private static TreeMap<String, String> driverOptions(Map<String, String> all) {
        TreeMap<String, String> driver = new TreeMap<>();
        all.forEach((key, value) -> {
            if (key.startsWith(CassandraConnectorOptions.DRIVER_PREFIX)) {
                driver.put(key.substring(CassandraConnectorOptions.DRIVER_PREFIX.length()), value);
            }
        });
        return driver;
    }

    private static DeliverySettings delivery(ReadableConfig options) {
        DeliverySettings settings = new DeliverySettings(
                options.get(CassandraConnectorOptions.MAX_IN_FLIGHT),
                options.get(CassandraConnectorOptions.BUFFER_MEMORY).getBytes(),
                options.get(CassandraConnectorOptions.FLUSH_INTERVAL),
                options.get(CassandraConnectorOptions.RETRY_TIMEOUT));
        requirePositive(CassandraConnectorOptions.MAX_IN_FLIGHT, settings.maxInFlight());
        requirePositive(CassandraConnectorOptions.BUFFER_MEMORY, settings.bufferBytes());
        requirePositive(CassandraConnectorOptions.FLUSH_INTERVAL, settings.flushInterval().toMillis());
        requirePositive(CassandraConnectorOptions.RETRY_TIMEOUT, settings.retryTimeout().toMillis());
        return settings;
    }

    private static void requirePositive(ConfigOption<?> option, long value) {
        if (value <= 0) {
            throw new ValidationException(
                    "Option '" + option.key() + "' must be greater than zero, found " + value + ".");
        }
    }
}
