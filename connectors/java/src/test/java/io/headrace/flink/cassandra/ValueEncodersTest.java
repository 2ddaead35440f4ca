package io.headrace.flink.cassandra;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.datastax.oss.driver.api.core.CqlIdentifier;
import com.datastax.oss.driver.api.core.ProtocolVersion;
import com.datastax.oss.driver.api.core.data.UdtValue;
import com.datastax.oss.driver.api.core.type.DataType;
import com.datastax.oss.driver.api.core.type.UserDefinedType;
import com.datastax.oss.driver.api.core.type.codec.registry.CodecRegistry;
import com.datastax.oss.driver.internal.core.type.UserDefinedTypeBuilder;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.LocalDate;
import java.util.List;
import java.util.stream.Stream;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.GenericArrayData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The bytes are read back with the driver's own codecs. */
class ValueEncodersTest {

    private static final ValueEncoders ENCODERS = new ValueEncoders("ks.t");

    static Stream<Arguments> values() {
        Instant time = Instant.parse("1969-12-31T23:59:59.123456Z");
        TimestampData flinkTime = TimestampData.fromInstant(time);
        return Stream.of(
                Arguments.of(DataTypes.STRING(), CqlTypes.TEXT, StringData.fromString("Zoë ✓"), "Zoë ✓"),
                Arguments.of(DataTypes.BIGINT(), CqlTypes.BIGINT, Long.MIN_VALUE, Long.MIN_VALUE),
                Arguments.of(DataTypes.INT(), CqlTypes.INT, -7, -7),
                Arguments.of(DataTypes.SMALLINT(), CqlTypes.SMALLINT, (short) -7, (short) -7),
                Arguments.of(DataTypes.TINYINT(), CqlTypes.TINYINT, (byte) -7, (byte) -7),
                Arguments.of(DataTypes.DOUBLE(), CqlTypes.DOUBLE, -0.0, -0.0),
                Arguments.of(DataTypes.FLOAT(), CqlTypes.FLOAT, Float.NaN, Float.NaN),
                Arguments.of(DataTypes.BOOLEAN(), CqlTypes.BOOLEAN, true, true),
                Arguments.of(DataTypes.DECIMAL(10, 2), CqlTypes.DECIMAL,
                        DecimalData.fromBigDecimal(new BigDecimal("-12.30"), 10, 2), new BigDecimal("-12.30")),
                Arguments.of(DataTypes.DATE(), CqlTypes.DATE, -1, LocalDate.of(1969, 12, 31)),
                Arguments.of(DataTypes.TIMESTAMP_LTZ(6), CqlTypes.BIGINT, flinkTime, -876_544L),
                Arguments.of(DataTypes.TIMESTAMP_LTZ(6), CqlTypes.TIMESTAMP, flinkTime,
                        Instant.parse("1969-12-31T23:59:59.123Z")),
                Arguments.of(DataTypes.ARRAY(DataTypes.BIGINT()), CqlTypes.frozenListOf(CqlTypes.BIGINT),
                        new GenericArrayData(new long[] {1, 2}), List.of(1L, 2L)));
    }

    @ParameterizedTest
    @MethodSource("values")
    void encodesWhatTheDriverReads(
            org.apache.flink.table.types.DataType flink, DataType cql, Object value, Object expected) {
        ByteBuffer bytes = ENCODERS.of(flink.getLogicalType(), cql, "c").encode(value);
        assertThat(decode(cql, bytes)).isEqualTo(expected);
    }

    @Test
    void encodesARowByTheNamesOfTheFields() {
        UserDefinedType udt = udt();
        ValueEncoder encoder = ENCODERS.of(DataTypes.ROW(
                DataTypes.FIELD("sum", DataTypes.DOUBLE()),
                DataTypes.FIELD("n", DataTypes.BIGINT()))
                .getLogicalType(), udt, "cell");
        UdtValue read = (UdtValue) decode(udt, encoder.encode(GenericRowData.of(null, 3L)));
        assertThat(read.getLong("n")).isEqualTo(3);
        assertThat(read.isNull("sum")).isTrue();
        assertThat(read.isNull("later")).isTrue();
    }

    @Test
    void namesTheFieldThatTheTypeLacks() {
        assertThatThrownBy(() -> ENCODERS.of(DataTypes.ROW(
                        DataTypes.FIELD("m", DataTypes.BIGINT()))
                        .getLogicalType(), udt(), "cell"))
                .hasMessageContainingAll("ks.t", "field 'cell.m'", "type tile_cell", "[n, sum, later]", "ALTER TYPE");
    }

    @Test
    void namesTheColumnWhoseTypeDiffers() {
        assertThatThrownBy(() -> ENCODERS.of(DataTypes.BIGINT().getLogicalType(), CqlTypes.INT, "count"))
                .hasMessageContainingAll("ks.t", "column 'count'", "BIGINT", "expected bigint", "found int", "CAST");
    }

    @Test
    void sharesNothingWithTheValue() {
        byte[] value = {1, 2};
        ByteBuffer bytes = ENCODERS.of(DataTypes.BYTES().getLogicalType(), CqlTypes.BLOB, "c").encode(value);
        value[0] = 9;
        assertThat(bytes.get(0)).isEqualTo((byte) 1);
    }

    private static Object decode(DataType cql, ByteBuffer bytes) {
        return CodecRegistry.DEFAULT.codecFor(cql).decode(bytes, ProtocolVersion.DEFAULT);
    }

    private static UserDefinedType udt() {
        return new UserDefinedTypeBuilder(CqlIdentifier.fromInternal("ks"), CqlIdentifier.fromInternal("tile_cell"))
                .withField("n", CqlTypes.BIGINT)
                .withField("sum", CqlTypes.DOUBLE)
                .withField("later", CqlTypes.BIGINT)
                .build();
    }
}
