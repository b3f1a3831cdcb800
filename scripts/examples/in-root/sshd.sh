ssh-keygen -A > /dev/null
mkdir -p /run/sshd
sshd -T | grep -x 'permitrootlogin no'
