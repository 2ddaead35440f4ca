package io.headrace.flink.functions;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.flink.table.functions.FunctionDefinition;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.inference.ArgumentCount;
import org.apache.flink.table.types.inference.CallContext;
import org.apache.flink.table.types.inference.ConstantArgumentCount;
import org.apache.flink.table.types.inference.InputTypeStrategy;
import org.apache.flink.table.types.inference.Signature;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.utils.DataTypeUtils;

/**
 * Arguments (value, fixed...): a value of a supported type in Flink's internal classes, so that no record pays
 * for a conversion, then arguments of fixed types.
 */
final class ValueArguments implements InputTypeStrategy {

    private final Set<LogicalTypeRoot> roots =
            EnumSet.of(
                    LogicalTypeRoot.CHAR,
                    LogicalTypeRoot.VARCHAR,
                    LogicalTypeRoot.BIGINT,
                    LogicalTypeRoot.INTEGER,
                    LogicalTypeRoot.DOUBLE,
                    LogicalTypeRoot.BOOLEAN);
    private final List<DataType> fixed;

    ValueArguments(List<DataType> fixed) {
        this.fixed = fixed;
    }

    ValueArguments(LogicalTypeRoot alsoSupported, List<DataType> fixed) {
        this(fixed);
        roots.add(alsoSupported);
    }

    @Override
    public ArgumentCount getArgumentCount() {
        return ConstantArgumentCount.of(1 + fixed.size());
    }

    @Override
    public Optional<List<DataType>> inferInputTypes(CallContext call, boolean throwOnFailure) {
        DataType value = call.getArgumentDataTypes().get(0);
        LogicalTypeRoot root = value.getLogicalType().getTypeRoot();
        if (!roots.contains(root)) {
            return call.fail(throwOnFailure, "Expected a value of one of %s, found %s.", roots, value);
        }
        List<DataType> types = new ArrayList<>();
        types.add(DataTypeUtils.toInternalDataType(value));
        types.addAll(fixed);
        return Optional.of(types);
    }

    @Override
    public List<Signature> getExpectedSignatures(FunctionDefinition definition) {
        List<Signature.Argument> arguments = new ArrayList<>();
        arguments.add(Signature.Argument.of("value", roots.toString()));
        fixed.forEach(type -> arguments.add(Signature.Argument.of(type.toString())));
        return List.of(Signature.of(arguments));
    }
}
