# DBD::Pg: server-side prepared statements, types, COPY, errors, catalog methods. Writes TAP.
# Arguments: HOST PORT USER DATABASE.

use strict;
use warnings;
use utf8;
use DBI;
use DBD::Pg qw(:pg_types);

binmode STDOUT, ':utf8';
$| = 1;
my ($host, $port, $user, $database) = @ARGV;

sub check {
    my ($name, $body) = @_;
    my $good = eval { $body->(); 1 };
    my $fault = $@ || 'unknown';
    $fault =~ s/\s+/ /g;
    print $good ? "ok - $name\n" : "not ok - $name # " . substr($fault, 0, 300) . "\n";
}

sub same {
    my ($found, $expected) = map { defined $_ ? $_ : 'undef' } @_;
    die "got $found, expected $expected\n" unless $found eq $expected;
}

sub rows { join ' ', map { join '|', map { defined $_ ? $_ : 'undef' } @$_ } @{ $_[0] } }

my $db = DBI->connect("dbi:Pg:host=$host;port=$port;dbname=$database", $user, '',
    { RaiseError => 1, PrintError => 0, AutoCommit => 1, PrintWarn => 0 });
$db->do('DROP TABLE IF EXISTS perl_child');
$db->do('DROP TABLE IF EXISTS perl_items');
$db->do('CREATE TABLE perl_items (id int PRIMARY KEY, name varchar(40) NOT NULL, price numeric(10,2), raw bytea)');
$db->do('CREATE TABLE perl_child (id int PRIMARY KEY, item int REFERENCES perl_items (id))');

check 'types' => sub {
    same(rows($db->selectall_arrayref(
        q{SELECT 1::int4, 2::int8, 1.50::numeric(5,2), true, 'ü'::text, date '2024-02-29', NULL, 1.5::float8})),
        '1|2|1.50|1|ü|2024-02-29|undef|1.5');
};
check 'parameters' => sub {
    my $insert = $db->prepare('INSERT INTO perl_items (id, name, price) VALUES (?, ?, ?)');
    same($insert->execute($_, "n$_", $_ == 5 ? undef : $_ / 2), 1) for 1 .. 20;
    my $pick = $db->prepare('SELECT name, price FROM perl_items WHERE id = ? AND name LIKE ?');
    for my $id (1 .. 8) {
        $pick->execute($id, 'n%');
        same(rows($pick->fetchall_arrayref), "n$id|" . ($id == 5 ? 'undef' : sprintf '%.2f', $id / 2));
    }
};
check 'dollar placeholders and arrays' => sub {
    same(rows($db->selectall_arrayref('SELECT count(*) FROM perl_items WHERE id = ANY($1)', undef, [1, 2, 3])), '3');
    my ($list) = $db->selectrow_array('SELECT ARRAY[1,2,3]');
    same(join(',', @$list), '1,2,3');
};
check 'bytea' => sub {
    my $write = $db->prepare('UPDATE perl_items SET raw = ? WHERE id = 1');
    $write->bind_param(1, "\x00\xff'\\", { pg_type => PG_BYTEA });
    $write->execute;
    same(unpack('H*', ($db->selectrow_array('SELECT raw FROM perl_items WHERE id = 1'))[0]), '00ff275c');
};
check 'column attributes' => sub {
    my $st = $db->prepare('SELECT id, name, price FROM perl_items');
    $st->execute;
    same(join(',', @{ $st->{NAME} }), 'id,name,price');
    same(join(',', @{ $st->{pg_type} }), 'int4,varchar,numeric');
};
check 'rows and tags' => sub {
    same($db->do('UPDATE perl_items SET price = 1 WHERE id < 4'), 3);
    same($db->do('UPDATE perl_items SET price = 1 WHERE id < 0'), '0E0');
};
check 'transaction' => sub {
    $db->begin_work;
    $db->do('DELETE FROM perl_items');
    $db->pg_savepoint('point');
    $db->pg_release('point');
    $db->rollback;
    same(($db->selectrow_array('SELECT count(*) FROM perl_items'))[0], 20);
};
check 'errors' => sub {
    for (['SELECT * FROM missing', '42P01'], ['SELEC', '42601'], ['SELECT 1/0', '22012'],
        [q{INSERT INTO perl_items VALUES (1, 'x', 1, NULL)}, '23505'], [q{SELECT 'x'::int}, '22P02']) {
        my ($sql, $state) = @$_;
        eval { $db->do($sql) };
        same("$sql " . $db->state, "$sql $state");
    }
    same(($db->selectrow_array('SELECT 1'))[0], 1);
};
check 'COPY' => sub {
    $db->do('COPY perl_items (id, name) FROM STDIN');
    $db->pg_putcopydata("$_\tcopied\n") for 100 .. 110;
    $db->pg_putcopyend;
    $db->do('COPY (SELECT id FROM perl_items WHERE id >= 100 ORDER BY id) TO STDOUT');
    my ($line, $count) = ('', 0);
    $count++ while $db->pg_getcopydata($line) >= 0;
    same($count, 11);
};
check 'asynchronous' => sub {
    $db->do('SELECT count(*) FROM perl_items', { pg_async => DBD::Pg::PG_ASYNC() });
    same($db->pg_result, 1);
};
check 'ping and settings' => sub {
    same($db->ping > 0 ? 1 : 0, 1);
    same($db->{pg_server_version} >= 150000 ? 1 : 0, 1);
    same($db->{pg_enable_utf8} ? 1 : 0, 1);
};
check 'table_info' => sub {
    same(join(',', map { $_->[2] } @{ $db->table_info(undef, 'public', 'perl%', 'TABLE')->fetchall_arrayref }),
        'perl_child,perl_items');
};
check 'column_info' => sub {
    my $info = $db->column_info(undef, 'public', 'perl_items', '%')->fetchall_arrayref({});
    same(join(',', map { "$_->{COLUMN_NAME} $_->{NULLABLE}" } @$info), 'id 0,name 0,price 1,raw 1');
};
check 'primary_key_info' => sub {
    same(join(',', $db->primary_key(undef, 'public', 'perl_items')), 'id');
};
check 'foreign_key_info' => sub {
    my $info = $db->foreign_key_info(undef, 'public', 'perl_items', undef, 'public', 'perl_child')->fetchall_arrayref({});
    same(join(',', map { "$_->{UK_TABLE_NAME} $_->{FK_COLUMN_NAME}" } @$info), 'perl_items item');
};
check 'statistics_info' => sub {
    my $info = $db->statistics_info(undef, 'public', 'perl_items', undef, undef)->fetchall_arrayref({});
    same(join(',', map { $_->{COLUMN_NAME} } grep { $_->{INDEX_NAME} } @$info), 'id');
};
check 'type_info_all' => sub { same(scalar @{ $db->type_info_all } > 10 ? 1 : 0, 1) };

$db->do('DROP TABLE perl_child');
$db->do('DROP TABLE perl_items');
$db->disconnect;
